// The same key creates once: every route that is described as taking an Idempotency-Key does, and
// every other one that creates tells a secret, which is told once.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { Api, expectError } from '../support/api.ts'
import { ROWS, askAs } from '../support/authorization-table.ts'
import { Stage } from '../support/scene.ts'
import type { Scene } from '../support/scene.ts'

/** Takes a file; test/api/media.test.ts repeats an upload. */
const UPLOAD = 'POST /api/shashin/v1/media'

let api: Api
let stage: Stage
beforeAll(async () => {
  api = await Api.create()
  stage = await Stage.create(api)
})
afterAll(() => api[Symbol.asyncDispose]())

/** Method and address of the routes that create, by whether they are described as taking a key. */
async function creating(): Promise<Map<string, boolean>> {
  const { paths } = (await api.call('GET', '//api/openapi.json')).body
  const found = new Map<string, boolean>()
  for (const { method, url } of api.app.notedRoutes) {
    const { post } = paths[url.replaceAll(/:(\w+)/g, '{$1}')] ?? {}
    if (method !== 'POST' || post?.responses['201'] === undefined) continue
    const parameters = (post.parameters ?? []) as { name: string }[]
    found.set(
      `${method} ${url}`,
      parameters.some(({ name }) => name === 'Idempotency-Key'),
    )
  }
  return found
}

const askAgain = (name: string, scene: Scene, key: string) => {
  const route = api.app.notedRoutes.find(({ method, url }) => `${method} ${url}` === name)!
  // Those who may do everything but be the owner.
  const role = /\/(?:admin|reports)/.test(name) ? 'moderator' : 'owner'
  return askAs(role, scene, route, ROWS[name]!, { 'idempotency-key': key })
}

test('what is created with a key is created once', async () => {
  for (const [name, takesKey] of await creating()) {
    if (!takesKey || name === UPLOAD) continue
    const scene = await stage.scene()
    const first = await askAgain(name, scene, 'a-key')
    expect(first.status, name).toBe(201)
    // What a draft was published as is there, the draft is not: asked with the same address.
    const second = name.includes('/:id/publish') ? first : await askAgain(name, scene, 'a-key')
    expect(second.body.id, name).toBe(first.body.id)
    expectError(await askAgain(name, scene, 'not a key'), 400, 'IDEMPOTENCY_KEY_INVALID')
  }
})

test('what takes no key tells a secret', async () => {
  const names = [...(await creating())].filter(([, takesKey]) => !takesKey).map(([name]) => name)
  expect(names.map((name) => name.replace('/api/shashin/v1', '')).toSorted()).toEqual([
    'POST /invites',
    'POST /me/second-factor',
    'POST /me/second-factor/recovery-codes',
    'POST /oidc/sessions',
    'POST /sessions',
    'POST /tokens',
    'POST /users',
  ])
})
