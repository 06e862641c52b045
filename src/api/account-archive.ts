// What is downloaded as the export of an account: a tar file, made while it is sent.
//
//   README.txt
//   account-00001.jsonl …   a line of JSON for each thing, some 256 KiB a file; put together in
//                           order they are one list, the profile first
//   media/7.jpg …           photos as they were uploaded; 7 is the id of the line "photo"
//
// Neither the lines nor a photo are ever whole in memory: a page is read when the one before it has
// left, so whoever reads slowly makes us read slowly.

import { tarOf } from '../std/tar.ts'
import { exportPage, exportedPhotos, photoNameOf } from '../model/account-export.ts'
import type { TarEntry } from '../std/tar.ts'
import type { ExportPage } from '../model/account-export.ts'
import type { ApiParts } from './parts.ts'

/** Rows that are read at once. */
const PAGE_COUNT = 100
/** Bytes of lines after which a file ends. */
const FILE_SIZE = 256 * 1024

const README = `This is everything that an account on Shashin has made, and what is kept about it.

account-00001.jsonl and so on: one thing a line, as JSON, in UTF-8; "type" says what it is.
Times are ISO 8601 in UTC. Other people are named by their handles, where you see them.
media: your photos as you uploaded them; media/7.jpg is the photo whose "id" is "7".
`

type Parts = Pick<ApiParts, 'store' | 'media'>

/** Bytes of the tar file. `now` dates its entries. */
export function archiveOf(parts: Parts, user: number, now: number): AsyncGenerator<Uint8Array> {
  return tarOf(entriesOf(parts, user, now))
}

async function* entriesOf(parts: Parts, user: number, now: number): AsyncGenerator<TarEntry> {
  yield entryOf('README.txt', [README], now)
  let fileCount = 0
  for await (const lines of filesOfLines(parts, user)) {
    fileCount++
    yield entryOf(`account-${String(fileCount).padStart(5, '0')}.jsonl`, lines, now)
  }
  yield* photosOf(parts, user)
}

/** Lines of one file at a time. */
async function* filesOfLines({ store }: Parts, user: number): AsyncGenerator<string[]> {
  let lines: string[] = []
  let size = 0
  let cursor: ExportPage['next']
  do {
    const from = cursor
    const page: ExportPage = await store.read((view) => exportPage(view, user, from, PAGE_COUNT))
    for (const item of page.items) {
      const line = `${JSON.stringify(item)}\n`
      lines.push(line)
      size += line.length
    }
    if (size >= FILE_SIZE) {
      yield lines
      lines = []
      size = 0
    }
    cursor = page.next
  } while (cursor !== undefined)
  if (lines.length > 0) yield lines
}

/** A photo whose file is not there any more is left out: its line tells of it. */
async function* photosOf({ store, media }: Parts, user: number): AsyncGenerator<TarEntry> {
  for (let after = 0; ;) {
    const from = after
    const photos = await store.read((view) => exportedPhotos(view, user, from, PAGE_COUNT))
    for (const photo of photos) {
      const size = await media.sizeOf(photo.original)
      if (size === undefined) continue
      const bytes = media.read(photo.original)
      yield { name: photoNameOf(photo), size, time: photo.createdAt, bytes }
    }
    if (photos.length === 0) return
    after = photos.at(-1)!.id
  }
}

function entryOf(name: string, lines: readonly string[], time: number): TarEntry {
  const bytes = Buffer.from(lines.join(''))
  return { name, size: bytes.length, time, bytes: [bytes] }
}
