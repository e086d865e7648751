import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readKeyEntry } from '../../src/cli/ceremony/spec-file.js'
import { sha256, utf8 } from '../../src/domain/bytes.js'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { keyIdHexOf } from '../../src/domain/cose/cose-key.js'
import { openAttestation } from '../../src/domain/evidence/attestation.js'
import { readProvenance } from '../../src/domain/evidence/provenance.js'
import { readUnsigned } from '../../src/server/intake/evidence/read-unsigned.js'
import { CliBench } from '../support/cli-bench.js'
import { BUILDER_ID, provenanceOf } from '../support/evidence-fixture.js'
import { TrustFixture } from '../support/trust-fixture.js'

const folder = mkdtempSync(join(tmpdir(), 'cs-evidence-'))
const image = utf8('firmware')
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
})
afterAll(async () => {
  await bench.close()
  rmSync(folder, { recursive: true })
})

describe('SBOMs as npm makes them', () => {
  it.each([
    ['spdx', /^SPDX 2\.[23]$/],
    ['cyclonedx', /^CycloneDX 1\.[2-7]$/],
  ])(
    'are taken: %s',
    async (name, format) => {
      // Of this project, by its lock file: several hundred packages with names of every kind.
      const words = ['sbom', '--package-lock-only', '--sbom-format', name]
      const text = execFileSync('npm', words, { encoding: 'utf8', maxBuffer: 16_777_216 })
      const evidence = await readUnsigned(text, sha256(image))
      expect(evidence).toMatchObject({ kind: 'sbom', format: expect.stringMatching(format), namesImage: false })
      const { facts } = evidence as Exclude<typeof evidence, string>
      expect(facts['components']).toBeGreaterThan(300)
    },
    60_000,
  )
})

describe('docs/evidence.md', () => {
  const blocks = [...readFileSync('docs/evidence.md', 'utf8').matchAll(/```sh\n([^`]*openssl[^`]*)```/g)].map(
    ([, text = '']) => text,
  )
  /** Without the line that is ours: it is run as the command that it is. */
  const run = (text: string): void => {
    const lines = text.split('\n').filter((line) => !line.startsWith('countersign '))
    execFileSync('sh', ['-euc', lines.join('\n')], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  it('has OpenSSL make a key that a policy can list, and provenance that it signs', async () => {
    const [keys = '', signing = ''] = blocks
    expect(blocks).toHaveLength(2)
    run(keys)
    expect(keys).toContain('\ncountersign key show builder.pem\n')
    const [printed = ''] = await bench.must('key', 'show', join(folder, 'builder.pem'), '--json')
    const key = readKeyEntry(JSON.parse(printed) as { publicKey: string }, 'builders.0')
    writeFileSync(join(folder, 'statement.json'), JSON.stringify(provenanceOf(image)))
    run(signing)
    const { policy } = await TrustFixture.make()
    const builders = new Map([[keyIdHexOf(key), { key, name: BUILDER_ID }]])
    const context = { policy: { ...policy, builders }, revoked: new Map(), algorithms: nativeAlgorithms }
    const envelope = new Uint8Array(readFileSync(join(folder, 'provenance.json')))
    const opened = openAttestation(envelope, sha256(image), context)
    expect(readProvenance(opened)).toMatchObject({ builderId: BUILDER_ID, keyId: keyIdHexOf(key) })
  }, 60_000)
})
