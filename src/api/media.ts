// Routes of photos: upload one, ask about one, describe or delete it, see which of one's own wait
// for a post, and the bytes themselves.
//
// The bytes were re-encoded by us, and are sent as what they are and nothing else: a fixed content
// type, no sniffing, and a policy that lets them do nothing should a browser open them as a page.
// Their address is the hash of what they are, so they are cached for ever.

import multipart from '@fastify/multipart'
import { Type } from 'typebox'
import { userOf, viewerOf } from './authentication.ts'
import { tagged } from './caching.ts'
import { RequestRefusal } from './errors.ts'
import { MediaBody, renderMedia } from './render/media.ts'
import { IdParameters, PageQuery, Text, cutPage, pageOf, rowOf } from './validation.ts'
import { idempotencyKeyOf, write } from './writes.ts'
import { UPLOAD_SIZE_MAX } from '../media/photo-limits.ts'
import { demandRoomForMedia, fileOfName, waitingMedia } from '../model/media.ts'
import { Refusal } from '../model/refusal.ts'
import { media } from '../model/schema.ts'
import { isMediaVisible } from '../model/visibility.ts'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import type { View } from '../engine/view.ts'
import type { ApiParts } from './parts.ts'

/** One byte more than the pipeline takes, so that it is the pipeline that says no. */
const PART_LIMITS = {
  fileSize: UPLOAD_SIZE_MAX + 1,
  files: 1,
  fields: 10,
  parts: 11,
  fieldSize: 10_000,
  fieldNameSize: 100,
  headerPairs: 20,
}

const Coordinate = Type.Number({ minimum: -1, maximum: 1 })

/** What is said of a photo. */
export const DescriptionFields = {
  alt: Type.Optional(Text),
  focus: Type.Optional(Type.Tuple([Coordinate, Coordinate])),
}

const DescriptionBody = Type.Object(DescriptionFields)

export const mediaRoutes: FastifyPluginCallbackTypebox<ApiParts> = (
  app,
  { store, media: photos },
  done,
) => {
  app.register((uploads, _options, ready) => {
    // Whoever sends a file sends much: this form is read as it comes.
    uploads.removeContentTypeParser('multipart/form-data')
    uploads.register(multipart, { limits: PART_LIMITS })
    uploads.post(
      '/media',
      { config: { access: 'user' }, schema: { response: { 201: MediaBody } } },
      async (request, reply) => {
        const { user } = userOf(request)
        const key = idempotencyKeyOf(request, 'media')
        // Decoding costs more than looking. With a key, the photo may be there already.
        if (key === undefined) await store.read((view) => demandRoomForMedia(view, user))
        const part = await fileOf(request)
        if (part === undefined || part.fieldname !== 'file') {
          part?.file.resume()
          throw new RequestRefusal('FILE_MISSING')
        }
        const photo = await photos.accept(bytesOf(part))
        const id = await write(store, reply, 'createMedia', { owner: user, ...photo }, key)
        const body = await store.read((view) => renderVisible(view, id, user))
        return reply.code(201).send(body)
      },
    )
    ready()
  })

  app.get(
    '/media',
    {
      config: { access: 'user' },
      schema: { querystring: PageQuery, response: { 200: pageOf(MediaBody) } },
    },
    async (request) => {
      const { user } = userOf(request)
      const { limit, before } = request.query
      return store.read((view) => {
        const { ids, next } = cutPage(waitingMedia(view, user, limit + 1, before), limit)
        return { items: ids.map((id) => renderVisible(view, id, user)), next }
      })
    },
  )

  app.get(
    '/media/:id',
    {
      config: { access: 'anyone' },
      schema: { params: IdParameters, response: { 200: MediaBody } },
    },
    async (request, reply) => {
      const id = rowOf(request.params.id)
      const body = await store.read((view) => renderVisible(view, id, viewerOf(request)))
      reply.header('content-type', 'application/json; charset=utf-8')
      return tagged(reply, JSON.stringify(body)) as unknown as MediaBody
    },
  )

  app.patch(
    '/media/:id',
    {
      config: { access: 'user' },
      schema: { params: IdParameters, body: DescriptionBody, response: { 200: MediaBody } },
    },
    async (request, reply) => {
      const { user } = userOf(request)
      const id = rowOf(request.params.id)
      const { alt, focus } = request.body
      const description = {
        ...(alt === undefined ? {} : { alt }),
        ...(focus === undefined ? {} : { focus }),
      }
      await write(store, reply, 'editMedia', { media: id, user, ...description })
      return store.read((view) => renderVisible(view, id, user))
    },
  )

  app.delete(
    '/media/:id',
    { config: { access: 'user' }, schema: { params: IdParameters } },
    async (request, reply) => {
      const { user } = userOf(request)
      await write(store, reply, 'deleteMedia', { media: rowOf(request.params.id), user })
      return reply.code(204).send()
    },
  )
  done()
}

/** The bytes, outside of the API's prefix. */
export const mediaFileRoutes: FastifyPluginCallbackTypebox<ApiParts> = (app, parts, done) => {
  const { store, media } = parts
  app.get(
    '/:name',
    {
      config: { access: 'anyone' },
      schema: { params: Type.Object({ name: Type.String({ maxLength: 100 }) }) },
    },
    async (request, reply) => {
      const file = await store.read((view) => fileOfName(view, request.params.name))
      if (file === undefined) throw new Refusal('MEDIA_NOT_FOUND', 'There is no such photo.')
      const tag = `"${file.name}"`
      reply.headers({
        'cache-control': 'public, max-age=31536000, immutable',
        etag: tag,
        'content-security-policy': "sandbox; default-src 'none'",
        'cross-origin-resource-policy': 'cross-origin',
      })
      if (request.headers['if-none-match'] === tag) return reply.code(304).send()
      reply.headers({ 'content-type': file.contentType, 'content-length': file.size })
      return reply.send(media.read(file.name))
    },
  )
  done()
}

/** The first file of the form. What the parser of forms complains about has no code of its own. */
async function fileOf(request: FastifyRequest): Promise<MultipartFile | undefined> {
  try {
    return await request.file()
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw error
    throw new RequestRefusal('MULTIPART_INVALID')
  }
}

/** Its bytes. A form that ends in the middle of them is the sender's mistake, not ours. */
async function* bytesOf({ file }: MultipartFile): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of file) yield chunk as Buffer
  } catch {
    throw new RequestRefusal('MULTIPART_INVALID')
  }
}

function renderVisible(view: View, id: number, viewer: number): MediaBody {
  if (!isMediaVisible(view, id, viewer)) {
    throw new Refusal('MEDIA_NOT_FOUND', 'There is no such photo.')
  }
  return renderMedia(view, view.get(media, id)!)
}
