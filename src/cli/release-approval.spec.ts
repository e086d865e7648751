import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench, RecordingTerminal } from '../../test/support/cli-bench.js'
import { manifestOf, pageImage, pageText, ReleasePage } from '../../test/support/release-page.js'
import { makeSoftKey } from '../../test/support/soft-key.js'
import { CLASS_ID } from '../../test/support/trust-fixture.js'
import { sha256, toBase64Url } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { wrappedSha256 } from '../domain/suit/digest.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../domain/suit/envelope.js'
import { encodeText } from '../domain/suit/text.js'
import { checkApproval } from '../domain/trust/check-approvals.js'

let bench: CliBench
let page: ReleasePage
beforeAll(async () => {
  bench = await CliBench.make()
  page = new ReleasePage(bench)
  await bench.login()
})
afterAll(() => bench.close())

describe('release approve', () => {
  beforeEach(() => page.show())

  it('signs exactly what it checked, as the signer will read it', async () => {
    expect(await page.approve()).toMatchObject({ exitCode: 0, errors: [] })
    const [approval = new Uint8Array(0)] = page.approvals
    const checked = checkApproval(
      approval,
      {
        operation: 'sign',
        subjectSha256: manifestSha256(manifestOf()),
        requestId: 'request-8',
        image: {
          imageSha256: sha256(pageImage),
          imageSizeBytes: pageImage.length,
          sequence: 8,
          classId: CLASS_ID,
          version: '1.4.0',
        },
        requester: 'engineer-1',
      },
      {
        policy: bench.trust.policy,
        allowed: bench.trust.root.algorithms,
        revoked: new Map(),
        now: bench.trust.now,
        algorithms: nativeAlgorithms,
      },
    )
    expect(checked.person).toBe('manager-1')
    expect(bench.courier.calls.at(-1)?.authorization).toBe('Bearer cst_test')
  })

  it('says in words what changes against the release before, whose envelope it verified', async () => {
    const before = manifestOf({ sequence: 7, version: '1.3.2', imageSizeBytes: 4_000, imageSha256: sha256(pageText) })
    const block = await buildBlock(bench.trust.roleKey('manifest-a'), manifestSha256(before))
    page.showBefore(encodeEnvelope(before, [block], pageText))
    const { output } = await page.approve()
    expect(output).toContain('The version goes up from 1.3.2 to 1.4.0.')
    expect(output).toContain('The sequence goes from 7 to 8.')
    expect(output).toContain('The image is another one, 1,000 bytes larger.')
    expect(output).toContain('description   fixes the watchdog')
  })

  it('says that it cannot compare when the key of the release before left the root', async () => {
    const before = manifestOf({ sequence: 7 })
    page.showBefore(encodeEnvelope(before, [await buildBlock(makeSoftKey(), manifestSha256(before))], pageText))
    const { exitCode, output } = await page.approve()
    expect(exitCode).toBe(0)
    expect(output.filter((line) => line.includes('no longer'))).toHaveLength(1)
  })

  it('does not compare with a release before that nobody signed', async () => {
    page.showBefore(encodeEnvelope(manifestOf({ sequence: 7 }), [], pageText))
    expect((await page.approve()).errors[0]).toBe('refused: SIGNATURE_MISSING (role=manifest-a)')
    expect(page.approvals).toEqual([])
  })

  it('counts whom the signer will count, and says whose approval does not count any more', async () => {
    const { policy, now } = bench.trust
    const missing = async (...approvals: readonly object[]): Promise<(string | undefined)[]> => {
      await page.show({ page: { approvals } })
      const { output, alarms } = await page.approve()
      return [output.find((line) => line.startsWith('quorum')), ...alarms]
    }
    const nobody = 'quorum        2 of release-manager; missing: 2 of release-manager'
    const given = page.approvalBy('manager-2')
    expect(await missing(await given)).toEqual(['quorum        2 of release-manager; missing: 1 of release-manager'])
    const void1 = 'An approval of manager-2 does not count, and has to be given again:'
    const older = await page.approvalBy('manager-2', { policyVersion: policy.version - 1 })
    expect(await missing(older)).toEqual([nobody, void1, '  refused: APPROVAL_MISMATCH (field=policyVersion)'])
    const ended = await page.approvalBy('manager-2', { expires: now - 1 })
    expect(await missing(ended)).toEqual([nobody, void1, expect.stringContaining('APPROVAL_EXPIRED')])
    // A server that only says so.
    const said = { person: 'manager-2', role: 'release-manager' }
    expect(await missing(said)).toEqual([nobody, void1, expect.stringContaining('refused: ')])
    expect(await missing(await given, await given)).toEqual(await missing(await given))
  })

  it('signs nothing without a yes', async () => {
    const terminal = new RecordingTerminal()
    terminal.isInteractive = true
    terminal.replies.push('y')
    const words = ['release', 'approve', 'r8', ...bench.keyOf('manager-1')]
    expect((await bench.runAt(terminal, words)).exitCode).toBe(1)
    expect(terminal.errors[0]).toBe('refused: NOT_CONFIRMED')
    expect(page.approvals).toEqual([])
  })

  it('prints only the answer with --json', async () => {
    const { output } = await page.approve('manager-1', '--json')
    expect(output).toHaveLength(1)
    expect(JSON.parse(output[0] ?? '')).toMatchObject({ id: 'r8', sequence: 8 })
  })

  it('does not let a description forge lines on the terminal', async () => {
    const forged = encodeText({ description: 'fine\u001b[2J\nversion       9.9.9' })
    const manifest = manifestOf({ textSha256: wrappedSha256(forged) })
    await page.show({ manifest, page: { text: toBase64Url(forged) } })
    const { output } = await page.approve()
    expect(output).toContain('description   fine?[2J?version       9.9.9')
  })
})
