import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { cborMap } from '../../domain/cbor/value.js'
import { FrameCutter } from '../../protocol/signer-socket-frames.js'
import { decodeAnswerBody, encodeRequestFrame, type AnswerFrame } from '../../protocol/signer-socket.js'
import { readIntoOneBuffer } from './one-buffer.js'
import { SignerClient } from '../../server/signing/signer-client.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import { imageOf, piecesOf, SignerFixture } from '../../../test/support/signer-fixture.js'

let fixture: SignerFixture
let release: SignerClient
beforeAll(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
})
afterAll(() => fixture.dispose())

const path = (): string => fixture.config('release').SIGNER_SOCKET

/** Writes bytes and gives the first answer. */
async function send(...pieces: readonly Uint8Array[]): Promise<AnswerFrame> {
  const socket = await opened()
  for (const piece of pieces) socket.write(piece)
  const cutter = new FrameCutter()
  for await (const piece of socket) {
    cutter.push(piece as Uint8Array)
    const body = cutter.next()
    if (body !== null) return decodeAnswerBody(body)
  }
  throw new Error('no answer')
}

async function opened(): Promise<Socket> {
  const socket = connect(path())
  await once(socket, 'connect')
  return socket
}

const framed = (body: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(4 + body.length)
  new DataView(frame.buffer).setUint32(0, body.length)
  frame.set(body, 4)
  return frame
}
const refusalOf = (code: string, id = 0) => ({ id, ok: false, refusal: { code, check: 1 } })

describe('socket of a signer', () => {
  it('is for its user and group only', () => {
    expect(statSync(path()).mode & 0o777).toBe(0o660)
  })

  it('refuses a frame that claims to be larger than the bound, before its bytes', async () => {
    expect(await send(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toEqual(refusalOf('FRAME_TOO_LARGE'))
  })

  it.each([
    ['bytes that are no CBOR', Uint8Array.of(0xff), 'CBOR_MALFORMED', 0],
    ['an integer in a longer form', Uint8Array.of(0xa1, 0x18, 0x01, 0x00), 'CBOR_NOT_CANONICAL', 0],
    ['a frame without a request', encodeCbor(cborMap([['id', 1]])), 'FRAME_MALFORMED', 0],
    ['an unknown operation', request({ operation: 'export' }), 'FRAME_MALFORMED', 7],
    ['a name that every object has', request({ operation: 'constructor' }), 'FRAME_MALFORMED', 7],
    ['a member that is missing', request({ operation: 'freshness' }), 'FRAME_MALFORMED', 7],
    ['a member too many', request({ operation: 'status', more: 1 }), 'FRAME_MALFORMED', 7],
  ])('refuses %s', async (_, body, code, id) => {
    expect(await send(framed(body))).toEqual(refusalOf(code, id))
  })

  it('answers requests that come byte by byte and close together', async () => {
    const frame = encodeRequestFrame(3, { operation: 'status' })
    const answer = await send(...Array.from(frame, (byte) => Uint8Array.of(byte)))
    expect(answer).toMatchObject({ id: 3, ok: true })
    const many = await Promise.all(Array.from({ length: 600 }, () => release.request('status', {})))
    expect(many).toHaveLength(600)
  })

  it('keeps of one peer what another one does not read over', async () => {
    const frames = [4, 5].map((id) => encodeRequestFrame(id, { operation: 'status' }))
    const peers = await Promise.all(frames.map(() => opened()))
    const answered = peers.map((peer) => once(peer, 'data'))
    // A byte of one, a byte of the other: all reads are into one buffer.
    for (const at of frames[0]?.keys() ?? [])
      for (const [index, peer] of peers.entries()) {
        await new Promise((resolve) => peer.write(frames[index]?.subarray(at, at + 1) ?? '', resolve))
        await new Promise((resolve) => setImmediate(resolve))
      }
    for (const [index, asked] of answered.entries()) {
      const [piece] = (await asked) as [Uint8Array]
      expect(decodeAnswerBody(new Uint8Array(piece).subarray(4))).toMatchObject({ id: 4 + index, ok: true })
    }
    for (const peer of peers) peer.destroy()
  })

  it('reads a connection as it came where a Node keeps its handle elsewhere', async () => {
    const pieces: string[] = []
    const stream = new PassThrough()
    const same = readIntoOneBuffer(stream as never, (piece) => pieces.push(Buffer.from(piece).toString()))
    expect(same).toBe(stream)
    stream.write('frame')
    await once(stream.end(), 'end')
    expect(pieces).toEqual(['frame'])
  })

  it('refuses an image of more bytes than announced, and gives up one that is cut short', async () => {
    const image = imageOf(1, 10)
    await expect(release.hashImage(piecesOf(image), 9)).rejects.toEqual(refusedBySigner('PAYLOAD_TOO_LONG', 6))
    const socket = await opened()
    socket.write(encodeRequestFrame(1, { operation: 'hash-image', imageSizeBytes: 10 }))
    socket.write(image.subarray(0, 5))
    socket.end()
    await once(socket.resume(), 'close')
    expect(await release.request('knows-image', { imageSha256: new Uint8Array(32) })).toEqual({ known: false })
  })
})

describe('client of a signer', () => {
  it('says that nobody listens', async () => {
    const client = new SignerClient(`${path()}.none`)
    const unavailable = expect.objectContaining({ code: 'SIGNER_UNAVAILABLE', detail: { why: 'ENOENT' } })
    await expect(client.request('status', {})).rejects.toEqual(unavailable)
    await expect(client.hashImage(piecesOf(imageOf(1)), 4_096)).rejects.toEqual(unavailable)
  })

  it('finds a signer that came back', async () => {
    const client = new SignerClient(path())
    await client.request('status', {})
    await fixture.stop('release')
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' })
    release = await fixture.start('release')
    await expect(client.request('status', {})).resolves.toMatchObject({ process: 'release' })
    await client.close()
  })
})

function request(members: Record<string, string | number>): Uint8Array {
  return encodeCbor(
    cborMap([
      ['id', 7],
      ['request', cborMap(Object.entries(members))],
    ]),
  )
}
