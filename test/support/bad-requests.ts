// Requests that nobody should send, made from what a route says it takes: wrong types, huge texts,
// every kind of character, fields that are missing, too many or too deep, bodies that are not what
// their type says. Some are good, so that what lies behind the first check is reached as well.

import * as fc from 'fast-check'
import type { NotedRoute } from '../../src/api/openapi.ts'

export interface BadRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload?: string
}

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema | readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const MULTIPART_TYPE = 'multipart/form-data; boundary=x'

const id = fc.integer({ min: 1, max: 12 }).map(String)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((each) => each.toWellFormed()),
  fc.constantFrom('', ' ', '\0', '\u202E', '\uFEFF', '😀', '#a @b', '../..', '%', '__proto__'),
  fc.constantFrom('0', '-1', '1e9', '4294967295', '4294967296', '99999999999999999999', 'null'),
)
const hugeText = fc.constantFrom('x'.repeat(3_000), '😀'.repeat(3_000), '\n'.repeat(70_000))
const junk: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 3, arbitrary: text },
  { weight: 1, arbitrary: hugeText },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0, 1.5, 2 ** 31, 2 ** 53, 1e308, true, null) },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 40 }).map(nested) },
)

/** Of that route, as JSON, as a form, or as neither. */
export function badRequests({ method, url, schema }: NotedRoute): fc.Arbitrary<BadRequest> {
  const { params, querystring, body } = schema as Readonly<Record<string, Schema | undefined>>
  return fc
    .record({
      path: pathOf(url, params?.properties ?? {}),
      query: queryOf(querystring?.properties ?? {}),
      headers: headers(),
      body: method === 'GET' ? fc.constant({ headers: {} }) : bodyOf(body),
    })
    .map(({ path, query, headers: more, body: { headers: kind, ...rest } }) => ({
      path: query === '' ? path : `${path}?${query}`,
      headers: { ...more, ...kind },
      ...rest,
    }))
}

function pathOf(url: string, params: Readonly<Record<string, Schema>>): fc.Arbitrary<string> {
  const parts = url.split('/').map((part) => {
    if (!part.startsWith(':') && part !== '*') return fc.constant(part)
    const { pattern } = params[part.slice(1)] ?? {}
    const good = pattern === undefined ? fc.constantFrom('anna', 'ben', 'ANNA') : id
    return fc
      .oneof({ weight: 3, arbitrary: good }, { weight: 2, arbitrary: text })
      .map((each) => encodeURIComponent(each))
  })
  return fc.tuple(...parts).map((each) => each.join('/'))
}

function queryOf(properties: Readonly<Record<string, Schema>>): fc.Arbitrary<string> {
  const name = fc.oneof(fc.constantFrom(...Object.keys(properties), 'limit', 'x[]'), text)
  const known = Object.entries(properties).map(([key, schema]) =>
    fc.tuple(fc.constant(key), valueOf(schema).map(String)),
  )
  const pair = fc.oneof(fc.tuple(name, text), ...known)
  return fc
    .array(pair, { maxLength: 4 })
    .map((pairs) => new URLSearchParams(pairs.map(([a, b]) => [a, b.slice(0, 300)])).toString())
}

function headers(): fc.Arbitrary<Record<string, string>> {
  const printable = fc.string({ maxLength: 150 }).filter((each) => /^[\x20-\x7e]*$/.test(each))
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: printable.map((key) => ({ 'idempotency-key': key })) },
    { weight: 1, arbitrary: printable.map((lsn) => ({ 'x-shashin-lsn': lsn })) },
    { weight: 1, arbitrary: printable.map((tag) => ({ 'if-none-match': tag })) },
    { weight: 1, arbitrary: printable.map((cookie) => ({ cookie: `shashin=${cookie}` })) },
  )
}

function bodyOf(schema: Schema | undefined): fc.Arbitrary<Omit<BadRequest, 'path'>> {
  const value = schema === undefined ? junk : valueOf(schema)
  const json = value.map((each) => JSON.stringify(each) ?? '')
  const typed = (type: string, payload: fc.Arbitrary<string>) =>
    payload.map((each) => ({ headers: { 'content-type': type }, payload: each }))
  return fc.oneof(
    { weight: 12, arbitrary: typed(JSON_TYPE, json) },
    { weight: 3, arbitrary: typed(FORM_TYPE, value.map(formTextOf)) },
    { weight: 2, arbitrary: typed(MULTIPART_TYPE, value.map(multipartOf)) },
    { weight: 1, arbitrary: typed(JSON_TYPE, text) },
    { weight: 1, arbitrary: typed(FORM_TYPE, text) },
    { weight: 1, arbitrary: typed(MULTIPART_TYPE, text) },
    { weight: 1, arbitrary: typed('text/plain', text) },
    { weight: 1, arbitrary: fc.constant({ headers: {} }) },
  )
}

/** Something like what the schema asks for, or anything else. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 5, arbitrary: goodOf(schema) }, { weight: 1, arbitrary: junk })
}

function goodOf(schema: Schema): fc.Arbitrary<unknown> {
  const { anyOf, enum: choices, type, pattern, properties, items, minimum, maximum } = schema
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(valueOf))
  if (choices !== undefined) return fc.constantFrom(...choices)
  if ('const' in schema) return fc.constant(schema.const)
  if (type === 'integer') return fc.integer({ min: minimum ?? -100, max: maximum ?? 100 })
  if (type === 'number') return fc.double({ min: minimum ?? -2, max: maximum ?? 2 })
  if (type === 'boolean') return fc.boolean()
  if (type === 'array') {
    const item = Array.isArray(items)
      ? fc.oneof(...items.map(valueOf))
      : valueOf((items ?? {}) as Schema)
    return fc.array(item, { maxLength: 6 })
  }
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([name, each]) => [name, valueOf(each)] as const)
    const known = fc.record(Object.fromEntries(fields), { requiredKeys: [] })
    const extra = fc.oneof(fc.constant({}), fc.dictionary(text, junk, { maxKeys: 2 }))
    return fc.tuple(known, extra).map(([some, more]) => ({ ...more, ...some }))
  }
  return pattern === undefined ? fc.oneof(text, hugeText) : id
}

function nested(depth: number): unknown {
  let value: unknown = 'deep'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

function pairsOf(value: unknown): (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null) return [['', String(value)]]
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) =>
    Array.isArray(each)
      ? each.map((item) => [`${name}[]`, shortText(item)] as const)
      : [[name, shortText(each)] as const],
  )
}

/** Not what an object without a prototype becomes: a mistake. */
function shortText(value: unknown): string {
  const whole = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return whole.slice(0, 5_000)
}

function formTextOf(value: unknown): string {
  return new URLSearchParams(pairsOf(value).map(([a, b]) => [a, b])).toString()
}

function multipartOf(value: unknown): string {
  const parts = pairsOf(value).map(([name, each]) => {
    const head = `Content-Disposition: form-data; name="${name.replaceAll('"', '%22')}"`
    return `--x\r\n${head}\r\n\r\n${each}\r\n`
  })
  return `${parts.join('')}--x--\r\n`
}
