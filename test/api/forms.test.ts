// Bodies that are forms: what they mean is what the same JSON would mean, and they are bounded like
// it.

import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formOf, fromForm } from '../../src/api/forms.ts'
import { Api, expectError } from '../support/api.ts'
import type { TSchema } from 'typebox'

const URLENCODED = { 'content-type': 'application/x-www-form-urlencoded' }
const MULTIPART = { 'content-type': 'multipart/form-data; boundary=x' }

function multipart(...pairs: readonly (readonly [string, string])[]): string {
  const parts = pairs.map(
    ([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return `${parts.join('')}--x--\r\n`
}

describe('a form', () => {
  const read = (text: string, schema: TSchema): unknown =>
    fromForm(formOf(new URLSearchParams(text)), schema)

  test('has lists, in either way to write them', () => {
    const schema = Type.Object({ ids: Type.Array(Type.String()) })
    for (const text of ['ids[]=1&ids[]=2', 'ids[0]=1&ids[1]=2', 'ids%5B%5D=1&ids%5B%5D=2']) {
      expect(read(text, schema)).toEqual({ ids: ['1', '2'] })
    }
    expect(read('ids=1', schema)).toEqual({ ids: ['1'] })
    expect(read('ids[5]=1&ids[x]=2&ids[-1]=3', schema)).toEqual({ ids: [] })
  })

  test('has fields within fields', () => {
    const field = Type.Object({ name: Type.String(), value: Type.String() })
    const schema = Type.Object({ fields: Type.Array(field) })
    const text = 'fields[0][name]=A&fields[0][value]=1&fields[1][name]=B&fields[1][value]=2'
    const fields = [
      { name: 'A', value: '1' },
      { name: 'B', value: '2' },
    ]
    expect(read(text, schema)).toEqual({ fields })
  })

  test('says numbers, yes and no where the schema asks for them', () => {
    const schema = Type.Object({
      count: Type.Integer(),
      share: Type.Number(),
      on: Type.Boolean(),
      text: Type.String(),
      point: Type.Tuple([Type.Number(), Type.Number()]),
    })
    expect(read('count=3&share=0.5&on=on&text=3&point[]=1&point[]=-1', schema)).toEqual({
      count: 3,
      share: 0.5,
      on: true,
      text: '3',
      point: [1, -1],
    })
    expect(read('on=&count=3x&share=1e9', schema)).toEqual({ on: false, count: '3x', share: '1e9' })
    expect(read('on=0&on=1', schema)).toEqual({ on: true })
    expect(read('on=perhaps', schema)).toEqual({ on: 'perhaps' })
  })

  test('chooses what fits a text, or what fits fields, where both are possible', () => {
    const photo = Type.Union([Type.String(), Type.Object({ id: Type.String() })])
    const schema = Type.Object({ media: Type.Array(photo) })
    expect(read('media[]=7', schema)).toEqual({ media: ['7'] })
    expect(read('media[0][id]=7', schema)).toEqual({ media: [{ id: '7' }] })
  })

  test('ignores names that are none, contradictions, and what is too deep', () => {
    const schema = Type.Object({ a: Type.Optional(Type.String()) })
    for (const text of [
      '=1',
      '[]=1',
      'a.b=1',
      '__proto__[x]=1',
      'b[__proto__]=1',
      'b[c][d][e][f]=1',
    ]) {
      expect(Object.getPrototypeOf(read(`a=2&${text}`, schema))).toBe(Object.prototype)
      expect(read(`a=2&${text}`, schema)).toMatchObject({ a: '2' })
    }
    expect(read('a=1&a[]=2&a[b]=3', schema)).toEqual({ a: '1' })
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  test('has no more fields than there may be', () => {
    const pairs = (count: number) => Array.from({ length: count }, () => ['a[]', '1'] as const)
    expect(() => formOf(pairs(501))).toThrow(/more than 500/)
    expect(read('a=1', Type.Object({}))).toEqual({ a: '1' })
    expect(formOf(pairs(500))['a']).toHaveLength(100)
  })
})

describe('routes', () => {
  let api: Api
  let token: string
  beforeAll(async () => {
    api = await Api.create()
    token = (await api.signUp('anna')).token
  })
  afterAll(() => api[Symbol.asyncDispose]())

  test('take a form for the same JSON', async () => {
    const answer = await api.call('PATCH', '/me', {
      token,
      headers: URLENCODED,
      payload: 'name=Anna+%C3%84&bio=Sea%20and%20sand',
    })
    expect(answer.body).toMatchObject({ name: 'Anna Ä', bio: 'Sea and sand' })
    const payload = multipart(['name', 'Anna Ö'], ['bio', 'Sand'])
    const other = await api.call('PATCH', '/me', { token, headers: MULTIPART, payload })
    expect(other.body).toMatchObject({ name: 'Anna Ö', bio: 'Sand' })
  })

  test('take lists of ids', async () => {
    const { id } = (await api.call('GET', '/me', { token })).body
    const photo = async () => String(await api.network.photo(Number(id)))
    const [first, second] = [await photo(), await photo()]
    const payload = `caption=Two&media[]=${first}&media[]=${second}`
    const post = await api.call('POST', '/posts', { token, headers: URLENCODED, payload })
    expect(post.status).toBe(201)
    expect(post.body.media.map((each: { id: string }) => each.id)).toEqual([first, second])
    const parts = multipart(['media[]', await photo()])
    const other = await api.call('POST', '/posts', { token, headers: MULTIPART, payload: parts })
    expect(other.status).toBe(201)
  })

  test('refuse files, what is broken, and what is too large', async () => {
    const patch = (headers: Record<string, string>, payload: string) =>
      api.call('PATCH', '/me', { token, headers, payload })
    const file =
      '--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\n1\r\n--x--\r\n'
    for (const payload of [file, 'nonsense', '--x\r\n', '']) {
      const answer = await patch(MULTIPART, payload)
      if (payload !== '') expectError(answer, 400, 'MULTIPART_INVALID')
    }
    const huge = `bio=${'x'.repeat(70_000)}`
    expectError(await patch(URLENCODED, huge), 413, 'BODY_TOO_LARGE')
    const parts = multipart(['bio', 'x'.repeat(70_000)])
    expectError(await patch(MULTIPART, parts), 413, 'BODY_TOO_LARGE')
    expectError(await patch(URLENCODED, 'name[]=x'), 400, 'REQUEST_INVALID')
    expectError(await patch({ 'content-type': 'text/plain' }, 'x'), 415, 'MEDIA_TYPE_UNSUPPORTED')
  })
})
