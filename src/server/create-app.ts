import { randomUUID } from 'node:crypto'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { addBodyDeadline } from './http/body-deadline.js'
import { answerBrokenAddress, answerBrokenRequest, requireOneHost } from './http/broken-request.js'
import { DecisionLog } from './http/decision-log.service.js'
import { DOCUMENT_LIMIT_BYTES, DOCUMENT_TYPES, JSON_LIMIT_BYTES } from './http/problem.js'
import { addRequestLog } from './http/request-log.js'
import type { ServerConfig } from './server-config.js'
import { addApiDocument } from './http/api-document.js'

/** Far more than a device on a thin line needs for the largest of them. */
const BODY_LIMIT_MS = 120_000

/** The HTTP side as it stands before Nest: limits, ids, kinds of bodies. */
export function makeAdapter(tls?: ServerConfig['tls'], bodyLimitMs = BODY_LIMIT_MS): FastifyAdapter {
  // What is said twice is seen twice: of two secrets the first would be taken and the second passed over, which a proxy may not.
  const http = { joinDuplicateHeaders: true }
  const adapter = new FastifyAdapter({
    // Whose authority signed a device's certificate is judged by the signed root, not by a file: TLS lets everybody through.
    ...(tls === undefined ? { http } : { https: { ...http, ...tls, requestCert: true, rejectUnauthorized: false } }),
    bodyLimit: JSON_LIMIT_BYTES,
    genReqId: () => randomUUID(),
    // Heads have Node's own minute. How long a body may take depends on what it is.
    requestTimeout: 0,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBrokenAddress,
    forceCloseConnections: 'idle',
    // Ids of DDI clients have up to 256 characters, each up to nine in an address; what is too long is told so.
    routerOptions: { maxParamLength: 4_096 },
  })
  const fastify = adapter.getInstance()
  fastify.addHook('onRequest', async (request) => requireOneHost(request))
  addBodyDeadline(fastify, bodyLimitMs)
  fastify.removeContentTypeParser('text/plain')
  // Firmware is never held in memory: the handler gets the stream.
  fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  // The tus server reads the connection itself.
  fastify.addContentTypeParser('application/offset+octet-stream', (_request, _payload, done) => done(null))
  fastify.addContentTypeParser(
    DOCUMENT_TYPES,
    { parseAs: 'buffer', bodyLimit: DOCUMENT_LIMIT_BYTES },
    (_request, body, done) => done(null, body),
  )
  return adapter
}

/** What the application needs beyond its modules; the same for the process and for tests. */
export async function prepareApp(app: NestFastifyApplication): Promise<void> {
  addRequestLog(app.getHttpAdapter().getInstance(), app.get(DecisionLog))
  addApiDocument(app)
  await app.init()
  await app.getHttpAdapter().getInstance().ready()
}
