import { Injectable } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { FirmwareStore } from './firmware-store.port.js'
import { readRange } from './range-header.js'

/** How long an address of the object store is good for: a download that was begun goes on after it. */
const URL_LIFE_SECONDS = 900

/** Sends firmware as an HTTP answer: streamed, with ranges, named by its digest for ever. */
@Injectable()
export class FirmwareAnswer {
  constructor(private readonly store: FirmwareStore) {}

  /**
   * Sends a device to the object store where there is one that devices reach, else the bytes. Its address is a secret for as long
   * as it is good, so nobody keeps it.
   * @throws Refusal `IMAGE_UNKNOWN`.
   */
  async sendOrRedirect(request: FastifyRequest, reply: FastifyReply, sha256: Uint8Array): Promise<void> {
    const url = await this.store.findDownloadUrl(sha256, URL_LIFE_SECONDS)
    if (url === null) return this.send(request, reply, sha256)
    await reply.header('cache-control', 'no-store').redirect(url, 307)
  }

  /** Whoever calls has decided that the caller may have it. @throws Refusal `IMAGE_UNKNOWN`. */
  async send(request: FastifyRequest, reply: FastifyReply, sha256: Uint8Array): Promise<void> {
    const sizeBytes = await this.store.findSizeBytes(sha256)
    if (sizeBytes === null) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(sha256) })
    const etag = `"${toHex(sha256)}"`
    void reply.headers({
      etag,
      // RFC 9530 §3: of the whole, also when only a part is sent.
      'repr-digest': `sha-256=:${Buffer.from(sha256).toString('base64')}:`,
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=31536000, immutable',
    })
    if (request.headers['if-none-match'] === etag) {
      await reply.status(304).send()
      return
    }
    const condition = request.headers['if-range']
    const header = condition === undefined || condition === etag ? request.headers.range : undefined
    const range = readRange(header, sizeBytes)
    if (range === 'unsatisfiable') {
      await reply.status(416).header('content-range', `bytes */${sizeBytes}`).send()
      return
    }
    const { first, last } = range ?? { first: 0, last: sizeBytes - 1 }
    if (range !== null) void reply.status(206).header('content-range', `bytes ${first}-${last}/${sizeBytes}`)
    void reply.header('content-length', last - first + 1).type('application/octet-stream')
    await reply.send(await this.store.read(sha256, { first, last }))
  }
}
