// Examples out of a document: blocks of a request and of what it is answered, that a test can send.
//
//   POST /posts/$POST/comments            method and address below the prefix
//   Authorization: Bearer $ANNA           headers
//   {"text": "Hello"}                     a body: JSON, a form, or file=@name for an upload
//
//   → 201                                 the status
//   X-Shashin-LSN: $LSN                   headers of the answer
//   {"id": "$COMMENT"}                    some of its JSON
//
// A $NAME that is not known yet is learned from the answer; one that is known must be the same.

export interface Example {
  /** Of the document. */
  readonly line: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly status: number
  readonly answerHeaders: Readonly<Record<string, string>>
  readonly answerBody: string
}

const BLOCK = /^```http\n([A-Z]+) (\S+)\n([^]*?)\n?→ (\d{3})\n([^]*?)```$/gm

export function examplesIn(document: string): Example[] {
  return [...document.matchAll(BLOCK)].map((match) => {
    const [, method = '', path = '', asked = '', status, told = ''] = match
    const { headers, body } = partsOf(asked)
    const { headers: answerHeaders, body: answerBody } = partsOf(told)
    const line = document.slice(0, match.index).split('\n').length
    return { line, method, path, headers, body, status: Number(status), answerHeaders, answerBody }
  })
}

/** The text with what the names stand for. */
export function filled(text: string, known: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$([A-Z]+)/g, (whole, name: string) => known.get(name) ?? whole)
}

/** Learns from what was told what the names in the example stand for. */
export function learn(example: unknown, told: unknown, known: Map<string, string>): void {
  if (typeof example === 'string') {
    const [, name] = /^\$([A-Z]+)$/.exec(example) ?? []
    if (name !== undefined && typeof told === 'string') known.set(name, told)
    return
  }
  if (typeof example !== 'object' || example === null) return
  if (typeof told !== 'object' || told === null) return
  for (const [key, each] of Object.entries(example)) {
    learn(each, (told as Record<string, unknown>)[key], known)
  }
}

function partsOf(text: string): { headers: Record<string, string>; body: string } {
  const headers: Record<string, string> = {}
  const lines = text.split('\n')
  let at = 0
  for (; at < lines.length; at++) {
    const [, name, value] = /^([A-Za-z-]+): (.*)$/.exec(lines[at]!) ?? []
    if (name === undefined) break
    headers[name.toLowerCase()] = value!
  }
  return { headers, body: lines.slice(at).join('\n').trim() }
}
