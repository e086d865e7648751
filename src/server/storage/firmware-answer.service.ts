import { Injectable } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { ServerConfig } from '../server-config.js'
import { TrustedProxies } from '../trusted-proxies.js'
import { FirmwareStore } from './firmware-store.port.js'
import { readRange } from './range-header.js'

/** How long an address of the object store is good for: a download that was begun goes on after it. */
const URL_LIFE_SECONDS = 900

/** Sends firmware as an HTTP answer: streamed, with ranges, named by its digest for ever. */
@Injectable()
export class FirmwareAnswer {
  private readonly proxies: TrustedProxies

  constructor(
    private readonly store: FirmwareStore,
    private readonly config: ServerConfig,
  ) {
    this.proxies = new TrustedProxies(config.trustedProxies)
  }

  /**
   * Sends a device to the object store where there is one that devices reach; has a trusted proxy send the file, where it can; else
   * sends the bytes. Its address is a secret for as long
   * as it is good, so nobody keeps it.
   * @throws Refusal `IMAGE_UNKNOWN`.
   */
  async sendOrRedirect(request: FastifyRequest, reply: FastifyReply, sha256: Uint8Array): Promise<void> {
    const url = await this.store.findDownloadUrl(sha256, URL_LIFE_SECONDS)
    if (url === null) {
      const place = await this.findPlace(request, sha256)
      return place === null ? this.send(request, reply, sha256) : sendByProxy(reply, place)
    }
    await reply.header('cache-control', 'no-store').redirect(url, 307)
  }

  /** Where the proxy that asks finds the file; null for anybody else, and where there is no such folder. */
  private async findPlace({ raw }: FastifyRequest, sha256: Uint8Array): Promise<string | null> {
    const { accelPrefix } = this.config
    if (accelPrefix === undefined || this.store.localPath(sha256) === null || !this.proxies.isTrusted(raw)) return null
    if ((await this.store.findSizeBytes(sha256)) === null) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(sha256) })
    const name = toHex(sha256)
    return `${accelPrefix}/${name.slice(0, 2)}/${name}`
  }

  /**
   * Whoever calls has decided that the caller may have it.
   * @param etag a name that these clients know the bytes by; their SHA-256 for everybody else. @throws Refusal `IMAGE_UNKNOWN`.
   */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    sha256: Uint8Array,
    etag = `"${toHex(sha256)}"`,
  ): Promise<void> {
    const sizeBytes = await this.store.findSizeBytes(sha256)
    if (sizeBytes === null) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(sha256) })
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
    if (!isMatched(request.headers['if-match'], etag)) {
      await reply.status(412).send()
      return
    }
    const range = readRange(rangeWanted(request, etag), sizeBytes)
    if (range === 'unsatisfiable') {
      await reply.status(416).header('content-range', `bytes */${sizeBytes}`).send()
      return
    }
    const { first, last } = range ?? { first: 0, last: sizeBytes - 1 }
    if (range !== null) void reply.status(206).header('content-range', `bytes ${first}-${last}/${sizeBytes}`)
    void reply.header('content-length', last - first + 1).type('application/octet-stream')
    if (request.method === 'HEAD') await reply.send()
    else await reply.send(await this.store.read(sha256, { first, last }))
  }
}

/** Ranges and conditions are the proxy's affair then. */
async function sendByProxy(reply: FastifyReply, place: string): Promise<void> {
  await reply
    .headers({ 'x-accel-redirect': place, 'cache-control': 'private, max-age=31536000, immutable' })
    .type('application/octet-stream')
    .send('')
}

/** RFC 9110 §13.1.1. */
const isMatched = (header: string | undefined, etag: string): boolean =>
  header === undefined || header === '*' || header.split(',').some((each) => each.trim() === etag)

/** A range is for GET alone (§14.2), and only of the bytes that the client has the beginning of (§13.1.5). */
function rangeWanted({ method, headers }: FastifyRequest, etag: string): string | undefined {
  const condition = headers['if-range']
  return method === 'GET' && (condition === undefined || condition === etag) ? headers.range : undefined
}
