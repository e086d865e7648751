import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Upload } from 'tus-js-client'
import { eventually } from '../../../../test/support/eventually.js'
import { PeopleBench } from '../../../../test/support/people-bench.js'
import { sha256, toHex } from '../../../domain/bytes.js'
import { StoreSweep } from '../store-sweep.service.js'

describe('senders', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start({ config: { uploadStallSeconds: 1 } })
    await bench.server.app.listen(0, '127.0.0.1')
  }, 60_000)
  afterAll(() => bench.stop())

  const incoming = (): Promise<string[]> => readdir(join(bench.server.config.storeDir, 'incoming'))
  const statusOf = async (image: Uint8Array): Promise<number> =>
    (await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'auditor')).status
  const upload = async (image: Buffer, isAtOnce: boolean): Promise<string> => {
    const token = await bench.token('ci')
    const endpoint = `${await bench.server.app.getUrl()}${bench.base}/uploads`
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      const sent = new Upload(image, {
        ...{ endpoint, headers, retryDelays: null, uploadDataDuringCreation: isAtOnce },
        metadata: { sha256: toHex(sha256(image)) },
        onError: reject,
        onSuccess: () => resolve(sent.url ?? ''),
      })
      sent.start()
    })
  }
  /** A request of which a part comes, and then nothing; the connection stays as it is. */
  const sendPart = async (head: readonly string[], part: Uint8Array): Promise<Socket> => {
    const { port } = bench.server.app.getHttpServer().address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    const token = `Authorization: Bearer ${await bench.token('ci')}`
    socket.write(`${[...head, 'Host: localhost', token].join('\r\n')}\r\n\r\n`)
    socket.write(part)
    return socket
  }

  it('may send all of it with the announcement', async () => {
    const image = randomBytes(200_000)
    expect(await upload(image, true)).toMatch(/\/uploads\/[0-9a-f-]{36}$/)
    expect([await statusOf(image), await incoming()]).toEqual([200, []])
  }, 60_000)

  it('that fell silent hold nothing: a request in one go', async () => {
    const image = randomBytes(5_000)
    const digest = toHex(sha256(image))
    const head = [`PUT ${bench.base}/firmware/${digest} HTTP/1.1`, 'Content-Type: application/octet-stream']
    const socket = await sendPart([...head, `Content-Length: ${image.length}`], image.subarray(0, 700))
    await eventually(async () => expect(await incoming()).toHaveLength(1))
    await eventually(async () => expect(await incoming()).toEqual([]))
    await eventually(() => expect(socket.destroyed).toBe(true))
    expect(await statusOf(image)).toBe(404)
  }, 60_000)

  it('that fell silent hold nothing: an upload, which the sweep then takes', async () => {
    const { database } = bench.server
    const image = randomBytes(5_000)
    const metadata = `sha256 ${Buffer.from(toHex(sha256(image))).toString('base64')}`
    const begun = await bench.server.app.inject({
      ...{ method: 'POST', url: `${bench.base}/uploads` },
      headers: {
        ...{ authorization: `Bearer ${await bench.token('ci')}`, 'tus-resumable': '1.0.0' },
        ...{ 'upload-length': String(image.length), 'upload-metadata': metadata },
      },
    })
    const head = [`PATCH ${String(begun.headers['location'])} HTTP/1.1`, 'Tus-Resumable: 1.0.0', 'Upload-Offset: 0']
    const body = ['Content-Type: application/offset+octet-stream', `Content-Length: ${image.length}`]
    const socket = await sendPart([...head, ...body], image.subarray(0, 700))
    const held = (): Promise<unknown> => database.query('SELECT FROM upload WHERE lease_holder IS NOT NULL')
    await eventually(async () => expect(await held()).toHaveLength(1))
    await eventually(async () => expect(await held()).toEqual([]))
    await eventually(() => expect(socket.destroyed).toBe(true))
    // What came stays until its time is over.
    expect(await incoming()).toHaveLength(1)
    await database.query('UPDATE upload SET expires_at = 1')
    await bench.server.app.get(StoreSweep).sweep()
    expect([await incoming(), await database.query('SELECT FROM upload')]).toEqual([[], []])
  }, 60_000)
})
