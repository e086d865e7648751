import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, toHex } from '../domain/bytes.js'
import { lastUsedByte } from '../domain/journal/journal-tail.js'
import { JournalScanner } from '../domain/journal/journal-scanner.js'
import type { Refusal, RefusalCode } from '../domain/refusal.js'
import type { SignerClient } from '../server/signing/signer-client.js'
import { findPublished } from '../../test/support/published-release.js'
import { refusedBySigner } from '../../test/support/refused-by-signer.js'
import { imageOf, piecesOf, SignerFixture } from '../../test/support/signer-fixture.js'
import { TrustFixture } from '../../test/support/trust-fixture.js'

let fixture: SignerFixture
let release: SignerClient
beforeEach(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
  await fixture.signFirstKrl(release)
})
// A signer that waits for its token is given five seconds to answer.
afterEach(() => fixture.dispose(), 20_000)

const journal = (): string => join(fixture.folder, 'release', 'journal')
const restart = async (): Promise<void> => {
  await fixture.stop('release')
  release = await fixture.start('release')
}
const refusal = (code: RefusalCode, detail: unknown): Refusal =>
  expect.objectContaining({ name: 'Refusal', code, detail }) as unknown as Refusal

describe('a signer that starts again', () => {
  it('knows documents, sequences, spent requests and images from its journal alone', async () => {
    await fixture.signRelease(release, 3)
    const before = await release.request('status', {})
    const spent = await fixture.signRequest(3)
    await restart()
    expect(await release.request('status', {})).toEqual(before)
    expect(await release.request('knows-image', { imageSha256: sha256(imageOf(3)) })).toEqual({ known: true })
    await expect(release.request('sign', spent)).rejects.toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
  })

  it('publishes again what the folder lost', async () => {
    const { digest, envelope } = await fixture.signRelease(release, 1)
    const published = join(fixture.folder, 'published')
    rmSync(published, { recursive: true })
    await restart()
    expect(findPublished(fixture.folder, toHex(digest))).toEqual(envelope)
    expect(new Uint8Array(readFileSync(join(published, 'roots', '1.cbor')))).toEqual(fixture.trust.rootBytes)
    expect(statSync(join(published, 'krl.cbor')).size).toBeGreaterThan(100)
  })

  it('drops a torn last write and goes on', async () => {
    await fixture.stop('release')
    const bytes = readFileSync(journal())
    const whole = lastUsedByte(bytes)
    bytes.copy(bytes, whole, 0, 60)
    const tornBytes = lastUsedByte(bytes) - whole
    writeFileSync(journal(), bytes)
    release = await fixture.start('release')
    expect(fixture.log.some((line) => line.includes(`"event":"signer.journal-torn","tornBytes":${tornBytes}`))).toBe(
      true,
    )
    await fixture.signRelease(release, 1)
    await fixture.stop('release')
    const scanner = new JournalScanner('gateway/prod')
    const kinds = scanner.take(new Uint8Array(readFileSync(journal()))).map(({ kind }) => kind)
    expect(scanner.end().tornBytes).toBe(0)
    expect(whole).toBeLessThan(scanner.end().wholeBytes)
    expect(kinds.slice(-4)).toEqual(['start', 'image', 'intent', 'result'])
  })

  it('refuses to start on a journal that was changed', async () => {
    await fixture.signRelease(release, 1)
    await fixture.stop('release')
    const bytes = readFileSync(journal())
    bytes[100] = (bytes[100] ?? 0) ^ 1
    writeFileSync(journal(), bytes)
    await expect(fixture.start('release')).rejects.toEqual(
      refusal('JOURNAL_BROKEN', { at: 0, why: 'checksum of a frame that is not the last' }),
    )
  })

  it('refuses to start when another root is pinned', async () => {
    await fixture.stop('release')
    const stranger = await TrustFixture.make()
    writeFileSync(fixture.config('release').SIGNER_ROOT_FILE, stranger.rootBytes)
    await expect(fixture.start('release')).rejects.toEqual(
      refusal('SIGNER_STATE', { why: 'the journal belongs to another pinned root' }),
    )
  })

  it('refuses the state of the other process', async () => {
    await fixture.stop('release')
    const change = { SIGNER_STATE_DIR: fixture.config('release').SIGNER_STATE_DIR }
    await expect(fixture.start('online', change)).rejects.toEqual(
      refusal('SIGNER_STATE', { why: 'the journal is that of a release signer' }),
    )
  })

  it('does not start beside one that is active on the same state', async () => {
    const { SIGNER_STATE_DIR } = fixture.config('release')
    await expect(fixture.start('release')).rejects.toEqual(
      refusal('SIGNER_LOCKED', { why: `another signer is active on ${SIGNER_STATE_DIR}` }),
    )
    await expect(release.request('status', {})).resolves.toMatchObject({ process: 'release' })
  })
})

describe('a signer that died between intent and result', () => {
  it('says that the outcome is unknown, and the grant is spent (check 20)', async () => {
    await fixture.stop('release')
    let reached: () => void = () => undefined
    const atToken = new Promise<void>((resolve) => (reached = resolve))
    fixture.wrapToken = (token) => ({
      keys: () => token.keys(),
      close: () => token.close(),
      sign: () => {
        reached()
        return new Promise(() => undefined)
      },
    })
    release = await fixture.start('release')
    const image = imageOf(1)
    await release.hashImage(piecesOf(image), image.length)
    const request = await fixture.signRequest(1)
    const lost = release.request('sign', request)
    lost.catch(() => undefined)
    await atToken
    // What is on the disk at this moment is all that a power cut would leave.
    const folder = join(fixture.folder, 'after')
    mkdirSync(folder)
    copyFileSync(journal(), join(folder, 'journal'))
    for (const beside of ['host', 'mark'])
      copyFileSync(join(fixture.folder, `release.${beside}`), `${folder}.${beside}`)
    fixture.wrapToken = (token) => token
    const socket = join(fixture.folder, 'after.sock')
    const after = await fixture.start('release', { SIGNER_STATE_DIR: folder, SIGNER_SOCKET: socket })
    const { requestId } = request
    expect(fixture.log.some((line) => line.includes(`"signer.outcome-unknown","requestId":"${requestId}"`))).toBe(true)
    await expect(after.request('sign', request)).rejects.toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
    await after.hashImage(piecesOf(imageOf(2)), image.length)
    await expect(after.request('sign', await fixture.signRequest(2, { requestId }))).rejects.toEqual(
      refusedBySigner('REQUEST_SPENT', 16),
    )
    await expect(after.request('sign', await fixture.signRequest(2))).resolves.toHaveProperty('envelope')
  }, 20_000)
})
