// Forms: bodies as browsers and simple programs send them, urlencoded or as multipart, taken for
// what the same JSON would be. Texts are all that a form has, so the schema of the route says what
// they mean:
//
//   FIELD                       BECOMES
//   caption=Sea                 {"caption": "Sea"}
//   ids[]=1&ids[]=2             {"ids": ["1", "2"]}, and ids=1 a list of one, where a list is asked
//   fields[0][name]=Camera      {"fields": [{"name": "Camera"}]}
//   private=on                  {"private": true}, where yes or no is asked; "" is no
//   uses=3                      {"uses": 3}, where a number is asked
//
// Names that are none are ignored, as fields that no schema names are. A form is as large as JSON
// may be (app.ts). Photos are sent to the one route that takes them, which reads its form itself.

import { RequestRefusal } from './errors.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'

const FIELD_COUNT_MAX = 500
/** Names within each other: "a[b][c]" has three. */
const DEPTH_MAX = 4
const INDEX_MAX = 99
const NAME = /^([\w-]{1,64})((?:\[[\w-]{0,64}\])*)$/

type Value = string | Value[] | Fields
interface Fields {
  [name: string]: Value
}

/** What of a schema says how a text is to be read. */
interface Reading {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Reading>>
  readonly items?: Reading | readonly Reading[]
  readonly anyOf?: readonly Reading[]
}

/** Bodies that came as forms, until they are read by a schema. */
const forms = new WeakSet<object>()

/** Reads bodies that are forms. */
export function readForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string | Buffer) => formOf(new URLSearchParams(String(body))),
  )
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: string | Buffer) =>
      formOf(await partsOf(headers['content-type'], body)),
  )
}

/** A body as the schema asks for it, as far as it came as a form. */
export function fromForm(body: unknown, schema: TSchema): unknown {
  if (typeof body !== 'object' || body === null || !forms.has(body)) return body
  return read(body as Fields, schema)
}

async function partsOf(
  type: string | undefined,
  body: string | Buffer,
): Promise<[string, string][]> {
  let form: FormData
  try {
    const headers = { 'content-type': type ?? '' }
    form = await new Response(body as Uint8Array<ArrayBuffer>, { headers }).formData()
  } catch {
    throw new RequestRefusal('MULTIPART_INVALID')
  }
  return [...form].map(([name, value]) => {
    if (typeof value === 'string') return [name, value]
    throw new RequestRefusal('MULTIPART_INVALID', 'This route takes no files.')
  })
}

/** Fields out of names and texts. */
export function formOf(pairs: Iterable<readonly [string, string]>): Fields {
  const fields: Fields = {}
  let count = 0
  for (const [name, text] of pairs) {
    if (++count > FIELD_COUNT_MAX) {
      throw new RequestRefusal(
        'REQUEST_INVALID',
        `The form has more than ${FIELD_COUNT_MAX} fields.`,
      )
    }
    const path = pathOf(name)
    if (path !== undefined) put(fields, path, text)
  }
  forms.add(fields)
  return fields
}

/** "a[b][]" as a, b and ''; undefined for what is no name. */
function pathOf(name: string): string[] | undefined {
  const [, first, rest = ''] = NAME.exec(name) ?? []
  if (first === undefined) return undefined
  const path = [
    first,
    ...rest
      .split('[')
      .slice(1)
      .map((part) => part.slice(0, -1)),
  ]
  return path.length > DEPTH_MAX || path.includes('__proto__') ? undefined : path
}

/** Puts the text where the path leads; what contradicts a field before it is ignored. */
function put(fields: Fields, path: readonly string[], text: string): void {
  let place: Value = fields
  for (const [at, name] of path.entries()) {
    const next = path[at + 1]
    const content: Value = next === undefined ? text : /^\d*$/.test(next) ? [] : {}
    if (typeof place === 'string') return
    if (Array.isArray(place)) {
      const index: number = name === '' ? place.length : Number(name)
      // Without gaps.
      if (!(index <= Math.min(place.length, INDEX_MAX))) return
      place = place[index] ??= content
    } else if (next === undefined || !Object.hasOwn(place, name)) {
      // The last one counts, as in a form with a hidden field before a box to tick.
      place = place[name] = content
    } else {
      place = place[name]!
    }
  }
}

function read(value: Value, schema: Reading): unknown {
  const { type, properties, items, anyOf } = schema
  if (anyOf !== undefined) {
    const isText = typeof value === 'string'
    const fit = anyOf.find((each) => (each.type === 'object' || each.type === 'array') !== isText)
    return fit === undefined ? value : read(value, fit)
  }
  if (type === 'array' && items !== undefined) {
    const list = Array.isArray(value) ? value : [value]
    return list.map((each, at) => {
      const item = Array.isArray(items) ? (items as readonly Reading[])[at] : (items as Reading)
      return item === undefined ? each : read(each, item)
    })
  }
  if (typeof value !== 'string') {
    if (Array.isArray(value) || properties === undefined) return value
    const known = Object.entries(value).map(([name, each]) => {
      const field = Object.hasOwn(properties, name) ? properties[name] : undefined
      return [name, field === undefined ? each : read(each, field)] as const
    })
    return Object.fromEntries(known)
  }
  if (type === 'boolean') return booleanOf(value)
  if (type === 'integer' || type === 'number') return numberOf(value)
  return value
}

/** As a box to tick has it; what is neither stays a text. */
function booleanOf(text: string): boolean | string {
  if (text === 'true' || text === 'on' || text === '1') return true
  return text === 'false' || text === 'off' || text === '0' || text === '' ? false : text
}

function numberOf(text: string): number | string {
  return /^-?\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : text
}
