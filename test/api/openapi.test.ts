// The description of the API: valid, complete, of the routes as they are; and its page, which runs
// nothing but its own files.

import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SUMMARIES } from '../../src/api/openapi-summaries.ts'
import { Api } from '../support/api.ts'

let api: Api
beforeAll(async () => {
  api = await Api.create()
})
afterAll(() => api[Symbol.asyncDispose]())

describe('/api/openapi.json', () => {
  const document = async () => (await api.call('GET', '//api/openapi.json')).body

  test('is valid OpenAPI', async () => {
    const { valid, errors } = await new Validator().validate(await document())
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
  })

  test('has every route, with a summary, and nothing that is none', async () => {
    const routes = api.app.notedRoutes.map(({ method, url }) => `${method} ${url}`)
    expect(Object.keys(SUMMARIES).toSorted()).toEqual(
      routes.filter((route) => !/ \/api\/(?:docs|openapi)/.test(route)).toSorted(),
    )
    const { paths } = await document()
    for (const route of Object.keys(SUMMARIES)) {
      const [method = '', url = ''] = route.split(' ')
      const operation = paths[url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
      expect(operation, route).toMatchObject({ summary: expect.stringMatching(/^[A-Z].*\.$/) })
    }
  })

  test('tells who may, what is sent, what comes back, and how errors look', async () => {
    const { paths, components } = await document()
    expect(components.securitySchemes).toMatchObject({ token: { scheme: 'bearer' } })
    const { post } = paths['/api/shashin/v1/posts']
    expect(post.security).toEqual([{ token: [] }, { cookie: [] }])
    expect(post.requestBody.content['application/json'].schema.required).toContain('media')
    expect(post.responses['201'].content['application/json'].schema.properties).toHaveProperty('id')
    expect(Object.keys(post.requestBody.content)).toEqual([
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
    ])
    const upload = paths['/api/shashin/v1/media'].post.requestBody.content
    expect(upload['multipart/form-data'].schema.required).toEqual(['file'])
    const error = post.responses.default.content['application/json'].schema
    expect(error.required).toContain('request_id')
    expect(post.parameters).toMatchObject([{ in: 'header', name: 'Idempotency-Key' }])
    const { get } = paths['/api/shashin/v1/posts/{id}']
    expect(get.security[0]).toEqual({})
    expect(get.parameters.map(({ name }: { name: string }) => name)).toContain('id')
    const { parent } = get.responses['200'].content['application/json'].schema.properties
    expect(JSON.stringify(parent)).toContain('null')
    expect(JSON.stringify(paths)).not.toContain('nullable')
  })

  test('is not sent again to those who have it', async () => {
    const { headers } = await api.call('GET', '//api/openapi.json')
    const known = { headers: { 'if-none-match': headers['etag']! } }
    expect(await api.call('GET', '//api/openapi.json', known)).toMatchObject({ status: 304 })
  })
})

describe('/api/docs', () => {
  test('is a page of local files, without anything inline', async () => {
    for (const path of ['/api/docs', '/api/docs/']) {
      const page = await api.call('GET', `/${path}`)
      expect(page.status).toBe(200)
      expect(page.headers['content-type']).toMatch(/^text\/html/)
      const policy = page.headers['content-security-policy']
      expect(policy).toContain("default-src 'none'")
      expect(policy).not.toMatch(/unsafe|https?:/)
      const html = page.body as string
      expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\//)
      const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!)
      expect(files.length).toBeGreaterThan(4)
      for (const file of files) {
        const { pathname } = new URL(file, 'http://here/api/docs/')
        const answer = await api.call('GET', `/${pathname}`)
        expect(answer.status, pathname).toBe(200)
        expect(answer.headers['x-content-type-options']).toBe('nosniff')
        if (pathname.endsWith('.css')) {
          expect(answer.body).not.toMatch(/url\(["']?(?:https?:)?\/\/|@import/)
        }
      }
    }
  })

  test('reads the description from here, and asks no validator elsewhere', async () => {
    const script = await api.call('GET', '//api/docs/static/swagger-initializer.js')
    expect(script.body).toContain("resolveUrl('./json')")
    expect(script.body).toContain('validatorUrl: null')
    const document = await api.call('GET', '//api/docs/json')
    expect(document.body).toEqual((await api.call('GET', '//api/openapi.json')).body)
  })

  test('has nothing else', async () => {
    for (const path of ['/api/docs/static/../../package.json', '/api/docs/nothing']) {
      const answer = await api.call('GET', `/${path}`)
      expect(answer).toMatchObject({ status: 404, body: { code: 'ROUTE_NOT_FOUND' } })
    }
  })
})
