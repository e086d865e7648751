import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { join } from 'node:path'
import { FrameCutter } from '../../protocol/signer-socket-frames.js'
import { decodeAnswerBody, encodeRequestFrame, type AnswerFrame } from '../../protocol/signer-socket.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { imageOf, piecesOf, SignerFixture } from '../../../test/support/signer-fixture.js'
import { SignerLog } from '../host/signer-log.js'
import type { SignerOperations } from '../signer-operations.js'
import { FairShare } from './fair-share.js'
import { RequestLog } from './request-log.js'
import { SignerConnection } from './signer-connection.js'
import { SignerServer } from './signer-server.js'

let fixture: SignerFixture
let release: SignerClient
let request: Awaited<ReturnType<SignerFixture['signRequest']>>
const sockets: Socket[] = []
beforeAll(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
  await fixture.signFirstKrl(release)
  await release.hashImage(piecesOf(imageOf(1)), imageOf(1).length)
  // An older root is passed over unread, so there is none that a flipped bit could leave without effect.
  request = { ...(await fixture.signRequest(1)), trust: fixture.courier({ roots: [] }) }
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await fixture.dispose()
})

async function opened(path = fixture.config('release').SIGNER_SOCKET): Promise<Socket> {
  const socket = connect(path)
  // Whoever is dropped may hear of it as an error.
  socket.on('error', () => undefined)
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

/** Sends bytes, ends, and gives whatever came back. */
async function answersTo(bytes: Uint8Array): Promise<AnswerFrame[]> {
  const socket = await opened()
  socket.end(bytes)
  const answers: AnswerFrame[] = []
  const cutter = new FrameCutter()
  for await (const piece of socket) {
    cutter.push(piece as Uint8Array)
    for (let body = cutter.next(); body !== null; body = cutter.next()) answers.push(decodeAnswerBody(body))
  }
  return answers
}

const frame = (): Uint8Array => encodeRequestFrame(7, { operation: 'sign', ...request })

/** Length, then the head of the map and the id, which may be any. */
const REQUEST_AT = 9

/** Numbers that look like chance and are the same in every run. */
function* chance(seed: number): Generator<number> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state
  }
}

describe('whatever a peer sends', () => {
  it('a signer refuses it and serves others', async () => {
    const whole = frame()
    const numbers = chance(1)
    const draw = (below: number): number => (numbers.next().value ?? 0) % below
    const spoilt = Array.from({ length: 300 }, (_, index) => {
      const bytes = whole.slice()
      if (index % 3 === 0) return bytes.subarray(0, draw(bytes.length))
      for (let flips = 0; flips < index % 3; flips += 1) {
        const at = REQUEST_AT + draw(bytes.length - REQUEST_AT)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8))
      }
      return bytes
    })
    for (const bytes of spoilt)
      for (const answer of await answersTo(bytes)) {
        expect(answer.ok).toBe(false)
        if (!answer.ok) expect(answer.refusal.code).not.toBe('INTERNAL')
      }
    expect(fixture.log.filter((line) => line.includes('"signer.failed"'))).toEqual([])
    await expect(release.request('sign', request)).resolves.toHaveProperty('envelope')
  }, 60_000)

  it.each([
    ['says nothing', new Uint8Array(0)],
    ['sends half a frame', Uint8Array.of(0, 0, 0, 100, 0xa2)],
    ['begins an image', encodeRequestFrame(1, { operation: 'hash-image', imageSizeBytes: 1_000_000 })],
  ])('two hundred of whom each %s do not keep others out', async (_, bytes) => {
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = await opened()
        socket.write(bytes)
      }),
    )
    await expect(release.request('status', {})).resolves.toMatchObject({ process: 'release' })
    const late = await opened()
    late.write(encodeRequestFrame(3, { operation: 'status' }))
    const [piece] = (await once(late, 'data')) as [Buffer]
    expect(piece.length).toBeGreaterThan(4)
  })

  it('more approvals than any quorum has are refused before one is verified', async () => {
    const approvals = Array.from({ length: 65 }, () => new Uint8Array(8))
    await expect(release.request('sign', { ...request, approvals })).rejects.toMatchObject({
      detail: { code: 'FRAME_MALFORMED', check: 1 },
    })
  })
})

describe('peers that send without end', () => {
  it('on many connections have a share, and who comes later with one request waits for that alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-socket-'))
    const [crowd, each] = [20, 300]
    const begun: string[] = []
    const waiting: (() => void)[] = []
    const operations: SignerOperations = {
      handle: ({ operation }) => {
        begun.push(operation)
        return new Promise((resolve) => waiting.push(() => resolve({ known: false })))
      },
      takeImage: () => ({ update: () => undefined, finish: () => new Promise(() => undefined) }),
    }
    const path = join(folder, 's')
    const limits = { connections: 64, stallMs: 60_000, frameMs: 60_000 }
    const server = await SignerServer.listen(
      path,
      operations,
      new RequestLog(new SignerLog('release', () => undefined)),
      limits,
    )
    const many = Buffer.concat(
      Array.from({ length: each }, (_, id) => encodeRequestFrame(id + 1, { operation: 'status' })),
    )
    for (const socket of await Promise.all(Array.from({ length: crowd }, () => opened(path))))
      socket.resume().write(many)
    while (begun.length < 64) await nextTurn()
    const late = await opened(path)
    late.write(encodeRequestFrame(1, { operation: 'knows-image', imageSha256: new Uint8Array(32) }))
    let answer: unknown
    late.once('data', (piece) => (answer = piece))
    // A signer that gives one answer at a time, in the order in which it was asked.
    for (; answer === undefined; await nextTurn()) waiting.shift()?.()
    for (const socket of sockets) socket.destroy()
    while (server.connectionCount > 0) {
      for (const give of waiting.splice(0)) give()
      await nextTurn()
    }
    await server.close()
    rmSync(folder, { recursive: true })
    // Those begun while the first one was alone, and a few rounds of all.
    expect(begun.indexOf('knows-image')).toBeLessThan(each + 5 * 64)
  })
})

it('whoever comes while others are in line begins behind them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-socket-'))
  const path = join(folder, 's')
  const share = new FairShare()
  const turns: (() => void)[] = []
  jest.spyOn(share, 'isLine', 'get').mockReturnValue(true)
  jest.spyOn(share, 'inLine').mockImplementation((turn) => void turns.push(turn))
  let begun = 0
  const handle = (): Promise<{ known: boolean }> => {
    begun += 1
    return Promise.resolve({ known: false })
  }
  const operations: SignerOperations = {
    handle,
    takeImage: () => ({ update: () => undefined, finish: () => new Promise(() => undefined) }),
  }
  const log = new RequestLog(new SignerLog('release', () => undefined))
  const limits = { stallMs: 60_000, frameMs: 60_000 }
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    new SignerConnection(accepted, operations, log, limits, share)
  }).listen(path)
  const peer = await opened(path)
  peer.write(encodeRequestFrame(1, { operation: 'status' }))
  while (turns.length === 0) await nextTurn()
  expect([begun, turns.length]).toEqual([0, 1])
  turns[0]?.()
  await once(peer, 'data')
  expect(begun).toBe(1)
  peer.destroy()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true })
})

describe('a peer that takes its time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-socket-'))
  const path = join(folder, 's')
  let asked = 0
  const operations: SignerOperations = {
    handle: () => {
      asked += 1
      return new Promise(() => undefined)
    },
    takeImage: () => ({ update: () => undefined, finish: () => new Promise(() => undefined) }),
  }
  const listen = (limits: { connections?: number; stallMs?: number; frameMs?: number }): Promise<SignerServer> => {
    const log = new RequestLog(new SignerLog('release', () => undefined))
    const usual = { connections: 4, stallMs: 60_000, frameMs: 60_000 }
    return SignerServer.listen(path, operations, log, { ...usual, ...limits })
  }
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is given up when its frame drips in', async () => {
    const server = await listen({ frameMs: 40 })
    const socket = await opened(path)
    socket.write(Uint8Array.of(0, 0, 0, 100))
    const drip = setInterval(() => socket.write(Uint8Array.of(0)), 10)
    await once(socket, 'close')
    clearInterval(drip)
    await server.close()
  })

  it('is given up when its frame or its image stands still, and kept when it only has nothing to ask', async () => {
    const server = await listen({ stallMs: 40 })
    const idle = await opened(path)
    const [half, image] = [await opened(path), await opened(path)]
    half.write(Uint8Array.of(0, 0))
    image.write(encodeRequestFrame(1, { operation: 'hash-image', imageSizeBytes: 10 }))
    await Promise.all([once(half, 'close'), once(image, 'close')])
    expect(idle.destroyed).toBe(false)
    idle.destroy()
    await server.close()
  })

  it('is not dropped for another one while it is owed an answer', async () => {
    const server = await listen({ connections: 2 })
    const busy = [await opened(path), await opened(path)]
    for (const socket of busy) socket.write(encodeRequestFrame(1, { operation: 'status' }))
    while (asked < 2) await nextTurn()
    const late = connect(path)
    late.on('error', () => undefined)
    await once(late.resume(), 'close')
    expect(busy.map(({ destroyed }) => destroyed)).toEqual([false, false])
    for (const socket of busy) socket.destroy()
    await server.close()
  })
})
