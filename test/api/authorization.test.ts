// Who may do what: every route that the app has, asked by everybody who could ask, against a table
// of what is to happen (authorization-table.ts). The routes are those that the app itself has
// noted, so none can be forgotten.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Api } from '../support/api.ts'
import { ROWS, askAs } from '../support/authorization-table.ts'
import { ROLES, Stage } from '../support/scene.ts'
import type { NotedRoute } from '../../src/api/openapi.ts'
import type { Answer } from '../support/api.ts'
import type { Outcome, Row } from '../support/authorization-table.ts'
import type { Role } from '../support/scene.ts'

let api: Api
let stage: Stage
beforeAll(async () => {
  api = await Api.create()
  stage = await Stage.create(api)
})
afterAll(() => api[Symbol.asyncDispose]())

test('every route is in the table, and everything in the table is a route', () => {
  const routes = api.app.notedRoutes.map(({ method, url }) => `${method} ${url}`)
  expect(Object.keys(ROWS).toSorted()).toEqual(routes.toSorted())
})

test('every route under the administration is for moderators or admins', () => {
  for (const { url, access } of api.app.notedRoutes) {
    if (/\/admin\//.test(url)) expect(['moderator', 'admin'], url).toContain(access)
  }
})

describe.each(Object.keys(ROWS))('%s', (name) => {
  test('is for those whom the table names', async () => {
    const route = api.app.notedRoutes.find(({ method, url }) => `${method} ${url}` === name)
    if (route === undefined) return // The first test tells.
    for (const role of ROLES) {
      const scene = await stage.scene()
      const answer = await askAs(role, scene, route, ROWS[name]!)
      expect({ role, ...outcomeOf(answer) }).toEqual({
        role,
        ...expected(answer, route, ROWS[name]!, role),
      })
    }
  })
})

/** "served" for what ended well, else the code. */
function outcomeOf({ status, body }: Answer): { readonly outcome: string } {
  return { outcome: status < 400 ? 'served' : String(body.code) }
}

function expected(
  answer: Answer,
  { scope }: NotedRoute,
  { level, served = {} }: Row,
  role: Role,
): { readonly outcome: unknown } {
  if (role === 'revoked' || role === 'expired') return { outcome: 'TOKEN_INVALID' }
  if (role === 'program' && scope !== 'none') return { outcome: 'SCOPE_MISSING' }
  const outcome: Outcome = level[role === 'program' ? 'admin' : role]
  if (outcome === 'served') {
    return { outcome: (typeof served === 'string' ? served : served[role]) ?? 'served' }
  }
  return { outcome: outcome.length === 1 ? outcome[0] : anyOf(outcome, answer) }
}

/** Whichever of the codes it is; else all of them, for the report. */
function anyOf(codes: readonly string[], { body }: Answer): string {
  return codes.find((code) => code === body?.code) ?? codes.join(' or ')
}
