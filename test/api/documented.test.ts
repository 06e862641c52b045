// The examples of docs/api.md are true: each is sent, in order, to a fresh network, and answered as
// the page says.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Api } from '../support/api.ts'
import { examplesIn, filled, learn } from '../support/documented-examples.ts'
import { formOf, picture } from '../support/pictures.ts'
import type { Asking } from '../support/api.ts'
import type { Example } from '../support/documented-examples.ts'

const document = readFileSync(join(import.meta.dirname, '../../docs/api.md'), 'utf8')
const examples = examplesIn(document)
const known = new Map<string, string>()

let api: Api
beforeAll(async () => {
  api = await Api.create()
})
afterAll(() => api[Symbol.asyncDispose]())

test('every block is an example, and there are some', () => {
  expect(examples.length).toBe(document.split('```http').length - 1)
  expect(examples.length).toBeGreaterThan(15)
})

for (const example of examples) {
  const { line, method, path, status, answerHeaders, answerBody } = example
  test(`line ${line}: ${method} ${path} is answered with ${status}`, async () => {
    const answer = await api.call(method, filled(path, known), await askingOf(example))
    expect(answer.status, JSON.stringify(answer.body)).toBe(status)
    for (const [name, value] of Object.entries(answerHeaders)) {
      // Of a cookie, what is sent back.
      const told = answer.headers[name]?.split(';')[0]
      learn(value, told, known)
      expect(told, name).toBe(filled(value, known))
    }
    if (answerBody === '') return expect(answer.body).toBe('')
    learn(JSON.parse(answerBody), answer.body, known)
    expect(answer.body).toMatchObject(JSON.parse(filled(answerBody, known)) as object)
  })
}

async function askingOf({ headers, body }: Example): Promise<Asking> {
  const sent = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, filled(value, known)]),
  )
  const [, field, name] = /^(\w+)=@(\S+)$/.exec(body) ?? []
  if (field !== undefined) {
    const form = formOf(await picture('jpeg'), field, name)
    return { payload: form.payload, headers: { ...sent, ...form.headers } }
  }
  if (body === '') return { headers: sent }
  const type = { 'content-type': 'application/json' }
  return { payload: filled(body, known), headers: { ...type, ...sent } }
}
