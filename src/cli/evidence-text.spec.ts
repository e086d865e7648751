import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'
import { BUILDER_ID, SoftBuilder, statementOf, TEST_RESULT } from '../../test/support/evidence-fixture.js'
import { pageImage, ReleasePage } from '../../test/support/release-page.js'
import { sha256Hex, utf8 } from '../domain/bytes.js'

const builder = SoftBuilder.make()
const digest = sha256Hex(pageImage)
let bench: CliBench
let page: ReleasePage
beforeAll(async () => {
  bench = await CliBench.make({ builders: new Map([builder.entry]) })
  page = new ReleasePage(bench)
  await bench.login()
})
afterAll(() => bench.close())

/** The server shows these documents, with what it says of them. */
function show(documents: readonly { readonly bytes: Uint8Array; readonly said: object; readonly id?: string }[]): void {
  const items = documents.map(({ bytes, said, id = sha256Hex(bytes) }) => {
    bench.courier.on(`GET /firmware/${digest}/evidence/${id}`, () => bytes)
    return { id, namesImage: true, facts: {}, addedBy: 'ci-1', ...said }
  })
  bench.courier.on(`GET /firmware/${digest}/evidence`, () => ({ items, next: null }))
}
const provenance = { kind: 'provenance', format: 'SLSA provenance v1', facts: { builderId: 'https://lie.example' } }
const linesOf = (output: readonly string[]): string[] =>
  output.filter((line) => /^(provenance|SBOM|tests) /.test(line.trim())).map((line) => line.trim())

describe('what speaks for an image', () => {
  beforeEach(() => page.show())

  it('is told to an approver in words, and what is signed was verified on their machine', async () => {
    const tests = builder.envelope(statementOf(pageImage, TEST_RESULT, { result: 'PASSED', passedTests: ['a', 'b'] }))
    show([
      { bytes: builder.provenance(pageImage), said: provenance },
      { bytes: tests, said: { kind: 'test-report', format: 'in-toto test-result v0.1' } },
      { bytes: utf8('{}'), said: { kind: 'sbom', format: 'CycloneDX 1.6', facts: { components: 214 } } },
    ])
    const { exitCode, output } = await page.approve()
    expect(exitCode).toBe(0)
    const signed = `signed with builder key ${builder.keyIdHex.slice(0, 16)}…, checked here`
    const source = 'git+https://git.vendor.example/gateway @ c27d339ee6075c1f744c5d4b200f7901aad2c369'
    expect(linesOf(output)).toEqual([
      `provenance    built by ${BUILDER_ID} from ${source}; ${signed}`,
      'SBOM          CycloneDX 1.6, 214 components, it names this image; nobody signed it, ci-1 brought it',
      `tests         PASSED by ${BUILDER_ID}: 2 passed, 0 failed; ${signed}`,
    ])
  })

  it('says of what there is none', async () => {
    show([])
    const { output } = await page.approve()
    expect(linesOf(output)).toEqual(['provenance    (none)', 'SBOM          (none)', 'tests         (none)'])
  })

  it.each([
    ['of a builder the policy does not list', SoftBuilder.make().provenance(pageImage), 'KEY_UNKNOWN'],
    ['about another image', builder.provenance(utf8('another')), 'EVIDENCE_MISMATCH'],
    ['of one builder for another', builder.provenance(pageImage, 'https://else.example'), 'EVIDENCE_MISMATCH'],
  ])('does not hold when the server shows provenance %s', async (_, bytes, code) => {
    show([{ bytes, said: provenance }])
    const { output } = await page.approve()
    expect(linesOf(output)[0]).toBe(`provenance    DOES NOT HOLD under the policy held here: ${code}`)
  })

  it('stops an approval when a document is not the one it is called by', async () => {
    show([{ bytes: builder.provenance(pageImage), said: provenance, id: 'ab'.repeat(32) }])
    const { exitCode, errors } = await page.approve()
    expect([exitCode, errors[0]]).toEqual([1, expect.stringContaining('refused: DIGEST_MISMATCH (what=evidence')])
    expect(page.approvals).toEqual([])
  })

  it('stands in release show, as the server says it', async () => {
    show([{ bytes: builder.provenance(pageImage), said: provenance }])
    const output = await bench.must('release', 'show', 'r8')
    expect(linesOf(output)[0]).toBe(
      'provenance    SLSA provenance v1: built by https://lie.example, as the server says',
    )
  })
})
