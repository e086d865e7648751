import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { gzipSync } from 'node:zlib'
import { makeMcuboot } from '../../test/support/firmware/mcuboot-image.js'
import { makeTar } from '../../test/support/firmware/archives.js'
import { content, ed25519Key } from '../../test/support/firmware/sample.js'
import { makeSamples } from '../../test/support/firmware/samples.js'
import { utf8 } from '../domain/bytes.js'
import { findFindings } from './findings-shape.js'
import { inspectFile } from './inspector-process.js'

const folder = mkdtempSync(join(tmpdir(), 'cs-inspect-'))
const path = join(folder, 'firmware')
const NOW = Math.floor(Date.now() / 1_000)
afterAll(() => rmSync(folder, { recursive: true }))

it('finds in a process of its own what is found in this one, in bounded memory', async () => {
  const signer = ed25519Key()
  const image = makeMcuboot({ payload: content(150_000_000), signer })
  writeFileSync(path, image)
  const { findings, sha256, peakRssKb } = await inspectFile(path, [signer.registered], NOW)
  expect(findings).toMatchObject({
    format: 'mcuboot',
    state: 'whole',
    version: '1.4.0',
    signature: { state: 'verified', keyId: signer.registered.id },
  })
  expect(sha256).toBe(createHash('sha256').update(image).digest('hex'))
  // Less than the image alone.
  expect(peakRssKb).toBeLessThan(140_000)
}, 60_000)

it('holds the content of no format: its process stays smaller than itself and the content together', async () => {
  const payloadBytes = 67_108_864
  const emptyKb = 55_000
  const peaks: (readonly [name: string, peakRssKb: number])[] = []
  for (const { name, bytes, keys } of await makeSamples(payloadBytes)) {
    writeFileSync(path, bytes)
    const { findings, peakRssKb } = await inspectFile(path, keys, NOW)
    expect(findings.state).toBe('whole')
    expect(peakRssKb).toBeGreaterThan(0)
    peaks.push([name, peakRssKb])
  }
  expect(peaks).toHaveLength(18)
  expect(peaks.filter(([, peakRssKb]) => peakRssKb > emptyKb + payloadBytes / 1_024)).toEqual([])
}, 300_000)

it('ends an inspection that takes too long, and says so as a finding', async () => {
  const zeros = gzipSync(new Uint8Array(40_000_000))
  const manifest = ['manifest', utf8('')] as const
  const data = ['data/0000.tar.gz', Buffer.concat(Array<Buffer>(5).fill(zeros))] as const
  writeFileSync(path, makeTar([['version', utf8('{"format":"mender","version":3}')], manifest, data]))
  const { findings } = await inspectFile(path, [], NOW, 1)
  expect(findings).toMatchObject({
    state: 'unreadable',
    faults: ['its inspection took more time or memory than any firmware may'],
  })
}, 60_000)

it('throws when there is no file: that is no finding', async () => {
  await expect(inspectFile(join(folder, 'none'), [], NOW)).rejects.toMatchObject({ code: 'ENOENT' })
})

it.each([
  ['no object', 1],
  ['an unknown format', { format: 'exe' }],
  ['a fact that is an object', { facts: { a: {} } }],
  ['a signature without a key', { signature: { state: 'verified', algorithm: 'x' } }],
  ['words without end', { faults: ['x'.repeat(100_000)] }],
])('takes %s from a process for no findings', (_, change) => {
  const sound = {
    format: 'uf2',
    state: 'whole',
    version: null,
    target: null,
    signature: { state: 'none' },
    facts: {},
    faults: [],
    notChecked: [],
  }
  expect(findFindings(sound)).toEqual(sound)
  expect(findFindings(typeof change === 'object' ? { ...sound, ...change } : change)).toBeNull()
})
