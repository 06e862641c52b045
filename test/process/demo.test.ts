// An invented network: that it is whole, lively, and the same for the same seed.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { PREFIX } from '../../src/api/app.ts'
import { Programs } from '../support/program.ts'

let programs: Programs

beforeAll(async () => {
  programs = await Programs.create()
})
afterAll(() => programs[Symbol.asyncDispose]())

const SMALL = ['--people', '8', '--posts', '12', '--photos', '4']

// What an answer holds is what tests are about.
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any

/** Who said what to what, in the order of their times. */
async function captionsOf(store: string): Promise<string[]> {
  const { stdout } = await programs.run(['export', ...programs.storeFlags(store)])
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"table":"posts"'))
    .map((line) => {
      const { author, parent, caption } = (JSON.parse(line) as { row: Loose }).row
      return `${author} to ${parent}: ${caption}`
    })
}

test('a demo is a sound store that can be logged into', { timeout: 60_000 }, async () => {
  const demo = await programs.run(['demo', ...programs.storeFlags('one'), ...SMALL])
  expect(demo).toMatchObject({ code: 0, stdout: '' })
  expect(demo.stderr).toMatch(/Invented 8 people, 12 posts, 4 photos in \d+ s\.\n/)
  const [, handle, password] = /Log in as "(\w+)".*password "([^"]+)"/.exec(demo.stderr)!
  const checked = await programs.run(['check', ...programs.storeFlags('one')])
  expect(checked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^OK/) as string })

  const server = await programs.serve([...programs.storeFlags('one'), '--log-level', 'silent'])
  const call = async (path: string, init: RequestInit = {}) =>
    (await fetch(`${server.url}${PREFIX}${path}`, init)).json() as Promise<Record<string, never>>
  const body = JSON.stringify({ handle, password })
  const headers = { 'content-type': 'application/json' }
  const { token } = await call('/sessions', { method: 'POST', headers, body })
  const me = await call('/me', { headers: { authorization: `Bearer ${token}` } })
  expect(me).toMatchObject({ handle: 'demo', role: 'admin' })
  const posts = await call('/users/demo/posts')
  const photo = await fetch(server.url + (posts['items'] as Loose)[0].media[0].url)
  expect(photo.headers.get('content-type')).toBe('image/webp')
  expect((await photo.bytes()).length).toBeGreaterThan(5_000)
})

test('the same seed gives the same network, another one another', { timeout: 90_000 }, async () => {
  const texts: string[][] = []
  for (const [store, seed] of [
    ['a', '7'],
    ['b', '7'],
    ['c', '8'],
  ] as const) {
    const args = ['demo', ...programs.storeFlags(store), ...SMALL, '--seed', seed]
    expect((await programs.run(args)).code).toBe(0)
    texts.push(await captionsOf(store))
  }
  expect(texts[0]!.length).toBeGreaterThan(12)
  expect(texts[1]).toEqual(texts[0])
  expect(texts[2]).not.toEqual(texts[0])
})

test('what is there stays as it is', { timeout: 60_000 }, async () => {
  const flags = programs.storeFlags('kept')
  await programs.run(['demo', ...flags, ...SMALL])
  const before = await captionsOf('kept')
  const again = await programs.run(['demo', ...flags, ...SMALL, '--seed', '3'])
  expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/^There is a store/) })
  expect(await programs.run(['demo', ...flags, '--if-new'])).toMatchObject({ code: 0, stderr: '' })
  expect(await captionsOf('kept')).toEqual(before)
})

test('a size that makes no sense is refused before anything is made', async () => {
  for (const args of [['--people', '0'], ['--photos', 'many'], ['--posts', '-1'], ['--nothing']]) {
    const end = await programs.run(['demo', ...programs.storeFlags('none'), ...args])
    expect(end.code).toBe(2)
  }
  const end = await programs.run(['check', ...programs.storeFlags('none')])
  expect(end.stderr).toMatch(/no store/)
})
