import { describe, expect, it } from '@jest/globals'
import { cycloneDxOf } from '../../../../test/support/evidence-fixture.js'
import { EvidenceThread } from './evidence-thread.js'

const imageSha256 = new Uint8Array(32)
const components = Array.from({ length: 5_000 }, (_, at) => ({
  ...{ type: 'library', name: `part ${at}`, version: `1.${at}`, 'bom-ref': `part-${at}` },
  ...{ purl: `pkg:generic/part@1.${at}`, licenses: [{ license: { id: 'MIT' } }] },
}))
const sbomOf = (content: readonly object[]): string => JSON.stringify({ ...cycloneDxOf(null), components: content })

describe('the thread that reads evidence', () => {
  // Compared with each other, 5,000 take 20 seconds and 40,000 twenty minutes.
  it('reads an SBOM of many components', async () => {
    const many = Array.from({ length: 40_000 }, (_, at) => ({ type: 'library', name: `x${at}` }))
    const thread = new EvidenceThread()
    for (const each of [components, many])
      expect(await thread.read({ text: sbomOf(each), imageSha256 })).toMatchObject({
        facts: { components: each.length },
      })
  }, 60_000)

  it('finds a component that comes twice, whatever the order of its members', async () => {
    const again = Object.fromEntries(Object.entries(components[7] ?? {}).toReversed())
    await expect(
      new EvidenceThread().read({ text: sbomOf([...components, again]), imageSha256 }),
    ).rejects.toMatchObject({
      code: 'EVIDENCE_MALFORMED',
      detail: { format: 'CycloneDX', at: '/components', why: 'must NOT have duplicate items' },
    })
  }, 60_000)

  it('gives up a document that takes too long, and reads the next', async () => {
    const thread = new EvidenceThread(0.001)
    const first = thread.read({ text: sbomOf(components), imageSha256 })
    await expect(first).rejects.toMatchObject({
      code: 'EVIDENCE_MALFORMED',
      detail: { format: 'unknown', at: '', why: 'not read within 0.001 seconds' },
    })
    thread.limitSeconds = 60
    const text = '<testsuite><testcase/></testsuite>'
    expect(await thread.read({ text, imageSha256 })).toMatchObject({ format: 'JUnit' })
  }, 60_000)
})
