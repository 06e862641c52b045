// The yardstick of the HTTP bench: a Fastify that does nothing. `/N` answers with N constant bytes
// of JSON, whatever the method, after reading and parsing the body that came. What a route of ours
// costs is what it is slower than this.
//
// Started as a process of its own, as the server is; it says its port to its parent.

import fastify from 'fastify'
import type { AddressInfo } from 'node:net'

const app = fastify({ logger: false })
const bodies = new Map<string, string>()

app.all<{ Params: { size: string } }>('/:size', (request, reply) => {
  const { size } = request.params
  let body = bodies.get(size)
  if (body === undefined) {
    body = JSON.stringify('x'.repeat(Math.max(Number(size) - 2, 0)))
    bodies.set(size, body)
  }
  void reply.header('content-type', 'application/json; charset=utf-8').send(body)
})

await app.listen({ host: '127.0.0.1', port: 0 })
process.on('disconnect', () => process.exit(0))
process.send?.((app.server.address() as AddressInfo).port)
