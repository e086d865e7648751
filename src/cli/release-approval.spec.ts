import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench, RecordingTerminal } from '../../test/support/cli-bench.js'
import { CLASS_ID, VENDOR_ID } from '../../test/support/trust-fixture.js'
import { sha256, toBase64Url, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { buildSign1 } from '../domain/cose/sign1.js'
import { wrappedSha256 } from '../domain/suit/digest.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../domain/suit/envelope.js'
import { encodeManifest, type Manifest } from '../domain/suit/manifest.js'
import { encodeText } from '../domain/suit/text.js'
import { checkApproval } from '../domain/trust/check-approvals.js'
import { labelOf } from '../domain/trust/labels.js'
import { encodeSubmission, type Submission } from '../domain/trust/submission.js'
import { openPersonKey } from './person-key.js'

const image = new Uint8Array(5_000).fill(3)
const text = encodeText({ description: 'fixes the watchdog' })
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

function manifestOf(change: Partial<Manifest> = {}): Uint8Array {
  return encodeManifest({
    sequence: 8,
    vendorId: VENDOR_ID,
    classId: CLASS_ID,
    imageSha256: sha256(image),
    imageSizeBytes: image.length,
    version: '1.4.0',
    textSha256: wrappedSha256(text),
    ...change,
  })
}

function submissionOf(change: Partial<Submission> = {}, person = 'engineer-1'): Promise<Uint8Array> {
  const { signer } = openPersonKey(bench.path(`${person}.key`), 'correct horse battery')
  const submission: Submission = {
    namespace: bench.trust.namespace,
    imageSha256: sha256(image),
    imageSizeBytes: image.length,
    version: '1.4.0',
    classId: CLASS_ID,
    requestId: 'request-8',
    time: bench.trust.now - 60,
    ...change,
  }
  return buildSign1(signer, encodeSubmission(submission), labelOf('submission'))
}

interface Lie {
  readonly page?: object
  readonly manifest?: Uint8Array
  readonly submission?: Uint8Array
  readonly content?: Uint8Array
}

/** The release page that a server shows, honest except for the lie. */
async function show(lie: Lie = {}): Promise<void> {
  const manifest = lie.manifest ?? manifestOf()
  const page = {
    id: 'r8',
    state: 'awaiting approval',
    requestId: 'request-8',
    sequence: 8,
    version: '1.4.0',
    classId: toHex(CLASS_ID),
    className: 'gateway-rev-b',
    imageSha256: toHex(sha256(image)),
    imageSizeBytes: image.length,
    manifestSha256: toHex(manifestSha256(manifest)),
    manifest: toBase64Url(manifest),
    text: toBase64Url(text),
    submission: toBase64Url(lie.submission ?? (await submissionOf())),
    approvals: [],
    envelope: null,
    ...lie.page,
  }
  const { courier } = bench
  courier.calls.length = 0
  courier.on('GET /releases/r8', () => page)
  courier.on('GET /releases', () => ({ items: [page], next: null }))
  courier.on('POST /releases/r8/approvals', () => page)
  courier.on(`GET /firmware/${page.imageSha256}/content`, () => lie.content ?? image)
}

const approve = (person = 'manager-1', ...more: string[]) =>
  bench.run('release', 'approve', 'r8', ...bench.keyOf(person), '--yes', ...more)

describe('release approve', () => {
  beforeEach(() => show())

  it('signs exactly what it checked, as the signer will read it', async () => {
    expect(await approve()).toMatchObject({ exitCode: 0, errors: [] })
    const [body] = bench.courier.posted('/releases/r8/approvals')
    const approval = new Uint8Array(Buffer.from(body?.['approval'] ?? '', 'base64url'))
    const checked = checkApproval(
      approval,
      {
        operation: 'sign',
        subjectSha256: manifestSha256(manifestOf()),
        requestId: 'request-8',
        image: {
          imageSha256: sha256(image),
          imageSizeBytes: image.length,
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
    const before = manifestOf({ sequence: 7, version: '1.3.2', imageSizeBytes: 4_000, imageSha256: sha256(text) })
    const block = await buildBlock(bench.trust.roleKey('manifest-a'), manifestSha256(before))
    offerBefore(encodeEnvelope(before, [block], text))
    const { output } = await approve()
    expect(output).toContain('The version goes up from 1.3.2 to 1.4.0.')
    expect(output).toContain('The sequence goes from 7 to 8.')
    expect(output).toContain('The image is another one, 1,000 bytes larger.')
    expect(output).toContain('description   fixes the watchdog')
  })

  it('does not compare with a release before that nobody signed', async () => {
    offerBefore(encodeEnvelope(manifestOf({ sequence: 7 }), [], text))
    await expectRefused('SIGNATURE_MISSING', 'role=manifest-a')
  })

  it('signs nothing without a yes', async () => {
    const terminal = new RecordingTerminal()
    terminal.isInteractive = true
    terminal.replies.push('y')
    const words = ['release', 'approve', 'r8', ...bench.keyOf('manager-1')]
    expect((await bench.runAt(terminal, words)).exitCode).toBe(1)
    expect(terminal.errors[0]).toBe('refused: NOT_CONFIRMED')
    expect(bench.courier.posted('/releases/r8/approvals')).toEqual([])
  })

  it('prints only the answer with --json', async () => {
    const { output } = await approve('manager-1', '--json')
    expect(output).toHaveLength(1)
    expect(JSON.parse(output[0] ?? '')).toMatchObject({ id: 'r8', sequence: 8 })
  })

  it('does not let a description forge lines on the terminal', async () => {
    const forged = encodeText({ description: 'fine\u001b[2J\nversion       9.9.9' })
    const manifest = manifestOf({ textSha256: wrappedSha256(forged) })
    await show({ manifest, page: { text: toBase64Url(forged) } })
    const { output } = await approve()
    expect(output).toContain('description   fine?[2J?version       9.9.9')
  })
})

const swapped = new Uint8Array(5_000).fill(4)
const swappedHex = toHex(sha256(swapped))

describe('release approve, with a server that lies', () => {
  it.each<[string, () => Lie | Promise<Lie>, string, string]>([
    ['other bytes under the same digest', () => ({ content: swapped }), 'IMAGE_MISMATCH', 'field=sha256'],
    ['one byte more', () => ({ content: new Uint8Array(5_001).fill(3) }), 'IMAGE_MISMATCH', 'field=sha256'],
    [
      'a size that the bytes have not',
      () => ({ page: { imageSizeBytes: 4_999 } }),
      'IMAGE_MISMATCH',
      'field=sizeBytes',
    ],
    [
      'a whole other upload, page and manifest made to fit it',
      () => ({
        content: swapped,
        page: { imageSha256: swappedHex },
        manifest: manifestOf({ imageSha256: sha256(swapped) }),
      }),
      'SUBMISSION_MISMATCH',
      'field=imageSha256',
    ],
    [
      'the submission of another request',
      async () => ({ submission: await submissionOf({ requestId: 'request-7' }) }),
      'SUBMISSION_MISMATCH',
      'field=requestId',
    ],
    [
      'a submission for another version',
      async () => ({ submission: await submissionOf({ version: '1.3.9' }) }),
      'SUBMISSION_MISMATCH',
      'field=version',
    ],
    [
      'a submission by somebody who is no engineer',
      async () => ({ submission: await submissionOf({}, 'manager-2') }),
      'SUBMITTER_UNKNOWN',
      'keyId=',
    ],
    [
      'a page that shows another version than the manifest holds',
      () => ({ manifest: manifestOf({ version: '1.4.1' }) }),
      'MANIFEST_MISMATCH',
      'field=version manifest=1.4.1 page=1.4.0',
    ],
    [
      'a page that shows another sequence',
      () => ({ page: { sequence: 9 } }),
      'MANIFEST_MISMATCH',
      'field=sequence manifest=8 page=9',
    ],
    [
      'version, page and manifest alike, against what the engineer signed',
      () => ({ manifest: manifestOf({ version: '1.4.1' }), page: { version: '1.4.1' } }),
      'SUBMISSION_MISMATCH',
      'field=version',
    ],
    [
      'a digest that is not the manifest’s',
      () => ({ page: { manifestSha256: '0'.repeat(64) } }),
      'DIGEST_MISMATCH',
      'what=manifest',
    ],
    [
      'a text that is not the one the manifest names',
      () => ({ page: { text: toBase64Url(encodeText({ description: 'harmless' })) } }),
      'DIGEST_MISMATCH',
      'what=text',
    ],
    [
      'a manifest with one command more',
      () => {
        const manifest = manifestOf()
        const at = Buffer.from(manifest).indexOf(Buffer.from('07438203', 'hex'))
        const longer = Buffer.concat([manifest.subarray(0, at), Buffer.from('0745840f0f030f', 'hex'), manifest.subarray(at + 5)])
        return { manifest: new Uint8Array(longer) }
      },
      'MANIFEST_TEMPLATE',
      'at=member 7',
    ],
    [
      'a class of nobody’s policy',
      async () => {
        const classId = new Uint8Array(16).fill(9)
        return {
          manifest: manifestOf({ classId }),
          submission: await submissionOf({ classId }),
          page: { classId: toHex(classId) },
        }
      },
      'WRONG_CLASS',
      'found=09090909090909090909090909090909',
    ],
    [
      'another vendor',
      () => ({ manifest: manifestOf({ vendorId: new Uint8Array(16).fill(1) }) }),
      'WRONG_VENDOR',
      'found=01010101010101010101010101010101',
    ],
  ])('refuses %s', async (_, lie, code, detail) => {
    await show(await lie())
    await expectRefused(code, detail)
  })

  it('refuses an older policy than it holds, and one that nobody signed', async () => {
    const next = await bench.trust.nextPolicy({})
    const krl = await bench.trust.signKrl(bench.trust.krl())
    bench.offer({ roots: [bench.trust.rootBytes], policy: next.bytes, krl })
    await show()
    expect((await approve()).exitCode).toBe(0)
    bench.offer({ roots: [bench.trust.rootBytes], policy: bench.trust.policyBytes, krl })
    await expectRefused('POLICY_VERSION', 'held=2 offered=1')
    const unsigned = await bench.trust.nextPolicy({ persons: new Map() }, next.policy)
    bench.offer({ roots: [bench.trust.rootBytes], policy: spoil(unsigned.bytes), krl })
    await expectRefused('SIGNATURE_INVALID', 'keyId=')
    bench.offer({ roots: [bench.trust.rootBytes], policy: next.bytes, krl })
  })

  it('lets nobody approve what they submitted themselves', async () => {
    await show({ submission: await submissionOf({}, 'engineer-2') })
    const { errors } = await approve('engineer-2')
    expect(errors[0]).toBe('refused: APPROVER_IS_REQUESTER (person=engineer-2)')
  })

  it('refuses a role that does not count', async () => {
    await show()
    const { errors } = await approve('security-1')
    expect(errors[0]).toBe('refused: APPROVAL_ROLE (person=security-1 role=release-manager)')
  })
})

/** The last byte belongs to the last signature. */
const spoil = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))

async function expectRefused(code: string, detail: string): Promise<void> {
  bench.courier.calls.length = 0
  const { exitCode, errors } = await approve()
  expect(errors[0]).toContain(`refused: ${code} (`)
  expect(errors[0]).toContain(detail)
  expect(errors[1]).toMatch(/^next: /)
  expect(exitCode).toBe(1)
  expect(bench.courier.posted('/releases/r8/approvals')).toEqual([])
}

function offerBefore(envelope: Uint8Array): void {
  const row = { id: 'r7', state: 'signed', sequence: 7, version: '1.3.2', classId: toHex(CLASS_ID) }
  const page = {
    ...row,
    requestId: 'request-7',
    imageSha256: '0'.repeat(64),
    imageSizeBytes: 4_000,
    manifestSha256: '0'.repeat(64),
    manifest: '',
    text: '',
    submission: '',
    approvals: [],
    envelope: toBase64Url(envelope),
  }
  bench.courier.on('GET /releases', () => ({ items: [row], next: null }))
  bench.courier.on('GET /releases/r7', () => page)
}
