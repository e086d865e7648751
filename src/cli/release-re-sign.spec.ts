import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench, type CommandResult } from '../../test/support/cli-bench.js'
import { manifestOf, pageImage, pageText, ReleasePage } from '../../test/support/release-page.js'
import { makeSoftKey } from '../../test/support/soft-key.js'
import { CLASS_ID } from '../../test/support/trust-fixture.js'
import { findBase64Url, sha256, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { parseSign1 } from '../domain/cose/sign1.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../domain/suit/envelope.js'
import { encodeText } from '../domain/suit/text.js'
import { checkApproval } from '../domain/trust/check-approvals.js'
import { parseKrl } from '../domain/trust/krl.js'
import { toBase64Url } from '../domain/bytes.js'

let bench: CliBench
let page: ReleasePage
beforeAll(async () => {
  bench = await CliBench.make()
  page = new ReleasePage(bench)
  await bench.login()
})
afterAll(() => bench.close())

const digest = toHex(manifestSha256(manifestOf()))

async function envelopeOf(manifest = manifestOf(), key = bench.trust.roleKey('manifest-a')): Promise<string> {
  return toBase64Url(encodeEnvelope(manifest, [await buildBlock(key, manifestSha256(manifest))], pageText))
}

/** By a key that left the root: any other is newer. */
const oldEnvelope = (): Promise<string> => envelopeOf(undefined, makeSoftKey())

async function show(lie: { page?: object } = {}, approvals: readonly object[] = []): Promise<void> {
  await page.show({ ...lie, page: { state: 'signed', envelope: await oldEnvelope(), ...lie.page } })
  const answer = { id: 's1', requestId: 're-sign-1', state: 'awaiting-approval', manifestSha256: digest, approvals }
  if (approvals.length === 0) bench.courier.refuse('GET /releases/r8/re-sign', 404, 'NOT_FOUND', {})
  else bench.courier.on('GET /releases/r8/re-sign', () => answer)
  bench.courier.on('POST /releases/r8/re-sign', () => answer)
  bench.courier.on('POST /releases/r8/re-sign/approvals', () => answer)
}

const approvals = (): Uint8Array[] =>
  bench.courier
    .posted('/releases/r8/re-sign/approvals')
    .map((body) => findBase64Url(body['approval'] ?? '') ?? new Uint8Array(0))

describe('release re-sign', () => {
  beforeEach(() => show())
  const reSign = (): Promise<CommandResult> =>
    bench.run('release', 're-sign', 'r8', ...bench.keyOf('manager-1'), '--yes')

  it('approves the same digest, by operation re-sign and the request that the server opened', async () => {
    expect(await reSign()).toMatchObject({ exitCode: 0, errors: [] })
    const request = {
      operation: 're-sign' as const,
      subjectSha256: manifestSha256(manifestOf()),
      requestId: 're-sign-1',
      image: {
        imageSha256: sha256(pageImage),
        imageSizeBytes: pageImage.length,
        sequence: 8,
        classId: CLASS_ID,
        version: '1.4.0',
      },
      requester: null,
    }
    const { policy, root, now } = bench.trust
    const context = { policy, allowed: root.algorithms, revoked: new Map(), now, algorithms: nativeAlgorithms }
    const [approval = new Uint8Array(0)] = approvals()
    expect(checkApproval(approval, request, context).person).toBe('manager-1')
  })

  it.each<[string, () => Promise<object>, string]>([
    ['that was never signed', async () => ({ envelope: null, state: 'awaiting-approval' }), 'STATE'],
    [
      'signed by no key of the root but one that is listed elsewhere',
      async () => ({ envelope: await envelopeOf(undefined, bench.trust.roleKey('krl')) }),
      'SIGNATURE_MISSING',
    ],
    [
      'whose envelope is of another manifest',
      async () => ({ envelope: await envelopeOf(manifestOf({ sequence: 7 })) }),
      'DIGEST_MISMATCH',
    ],
    ['whose page says another version', async () => ({ version: '9.9.9' }), 'MANIFEST_MISMATCH'],
    ['with another text', async () => ({ text: toBase64Url(encodeText({ description: 'other' })) }), 'DIGEST_MISMATCH'],
  ])('signs nothing for a release %s', async (_, lie, code) => {
    await show({ page: await lie() })
    const { exitCode, errors } = await reSign()
    expect(exitCode).toBe(1)
    expect(errors.join(' ')).toContain(code)
    expect(approvals()).toEqual([])
  })

  it('asks nobody for what the signer would refuse: the newest key has signed it already', async () => {
    await show({ page: { envelope: await envelopeOf() } })
    const { exitCode, errors } = await reSign()
    expect([exitCode, errors[0]]).toEqual([1, expect.stringContaining('refused: KEY_NOT_NEWER')])
    expect(bench.courier.posted('/releases/r8/re-sign')).toEqual([])
  })

  it('counts who has approved the open request', async () => {
    const first = await page.approvalBy('manager-2', { operation: 're-sign', requestId: 're-sign-1' })
    for (const [approvals, missing] of [
      [[], 2],
      [[first], 1],
    ] as const) {
      await show({}, approvals)
      const { output } = await reSign()
      expect(output).toContain(`quorum        2 of release-manager; missing: ${missing} of release-manager`)
    }
  })

  it('says so when the root no longer lists the key that signed', async () => {
    const { output } = await reSign()
    expect(output).toContain('signed before by a key that the root no longer lists')
  })
})

describe('release withdraw', () => {
  beforeEach(async () => {
    await show()
    const answerOf = (body: Record<string, string>): object => {
      const payload = findBase64Url(body['krl'] ?? '') ?? new Uint8Array(0)
      return {
        id: 'k1',
        requestId: 'k1',
        number: 1,
        krl: body['krl'],
        subjectSha256: toHex(sha256(payload)),
        state: 'awaiting-approval',
      }
    }
    let request: object = {}
    bench.courier.on(
      'POST /krl-requests',
      ({ body }) => (request = answerOf(JSON.parse(Buffer.from(body).toString()) as Record<string, string>)),
    )
    bench.courier.on('POST /krl-requests/k1/approvals', () => request)
  })
  const withdraw = (): Promise<CommandResult> =>
    bench.run('release', 'withdraw', 'r8', '--reason', 'compromise', ...bench.keyOf('security-1'), '--yes')

  it('puts the digest of the manifest into the next revocation list, and approves that', async () => {
    const { output, errors } = await withdraw()
    expect(errors).toEqual([])
    expect(output.join('\n')).toContain(`+ withdraws release ${digest}: compromise`)
    const [body] = bench.courier.posted('/krl-requests')
    expect(parseKrl(findBase64Url(body?.['krl'] ?? '') ?? new Uint8Array(0)).manifests).toEqual([{ digest, reason: 1 }])
    const [approved] = bench.courier.posted('/krl-requests/k1/approvals')
    expect(parseSign1(findBase64Url(approved?.['approval'] ?? '') ?? new Uint8Array(0), 65_536).payload).not.toBeNull()
  })

  it.each<[string, object, string]>([
    ['names another digest', { manifestSha256: '0'.repeat(64) }, 'DIGEST_MISMATCH'],
    ['shows another manifest', { manifest: toBase64Url(manifestOf({ sequence: 7 })) }, 'DIGEST_MISMATCH'],
    ['is of a release that nobody signed', { envelope: null, state: 'rejected' }, 'STATE'],
  ])('proposes nothing when the page %s', async (_, lie, code) => {
    await show({ page: lie })
    const { exitCode, errors } = await withdraw()
    expect(exitCode).toBe(1)
    expect(errors.join(' ')).toContain(code)
    expect(bench.courier.posted('/krl-requests')).toEqual([])
  })
})
