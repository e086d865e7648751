import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'
import { manifestOf, ReleasePage, type ReleaseLie } from '../../test/support/release-page.js'
import { sha256, toBase64Url, toHex } from '../domain/bytes.js'
import { encodeText } from '../domain/suit/text.js'

let bench: CliBench
let page: ReleasePage
beforeAll(async () => {
  bench = await CliBench.make()
  page = new ReleasePage(bench)
  await bench.login()
})
afterAll(() => bench.close())

const swapped = new Uint8Array(5_000).fill(4)
const swappedHex = toHex(sha256(swapped))

describe('release approve, with a server that lies', () => {
  it.each<[string, () => ReleaseLie | Promise<ReleaseLie>, string, string]>([
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
      'another upload that only the page was made to fit',
      () => ({ content: swapped, page: { imageSha256: swappedHex } }),
      'SUBMISSION_MISMATCH',
      'field=imageSha256',
    ],
    [
      'the submission of another request',
      async () => ({ submission: await page.submission({ requestId: 'request-7' }) }),
      'SUBMISSION_MISMATCH',
      'field=requestId',
    ],
    [
      'a submission for another version',
      async () => ({ submission: await page.submission({ version: '1.3.9' }) }),
      'SUBMISSION_MISMATCH',
      'field=version',
    ],
    [
      'a submission by somebody who is no engineer',
      async () => ({ submission: await page.submission({}, 'manager-2') }),
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
        const longer = Buffer.concat([
          manifest.subarray(0, at),
          Buffer.from('0745840f0f030f', 'hex'),
          manifest.subarray(at + 5),
        ])
        return { manifest: new Uint8Array(longer) }
      },
      'MANIFEST_TEMPLATE',
      'at=validate: command',
    ],
    [
      'a class of nobody’s policy',
      async () => {
        const classId = new Uint8Array(16).fill(9)
        return {
          manifest: manifestOf({ classId }),
          submission: await page.submission({ classId }),
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
    await page.show(await lie())
    await expectRefused(code, detail)
  })

  it('refuses an older policy than it holds, and one that nobody signed', async () => {
    const next = await bench.trust.nextPolicy({})
    const krl = await bench.trust.signKrl(bench.trust.krl())
    bench.offer({ roots: [bench.trust.rootBytes], policy: next.bytes, krl })
    await page.show()
    expect((await page.approve()).exitCode).toBe(0)
    await page.show()
    bench.offer({ roots: [bench.trust.rootBytes], policy: bench.trust.policyBytes, krl })
    await expectRefused('POLICY_VERSION', 'held=2 offered=1')
    const unsigned = await bench.trust.nextPolicy({ persons: new Map() }, next.policy)
    bench.offer({ roots: [bench.trust.rootBytes], policy: spoil(unsigned.bytes), krl })
    await expectRefused('SIGNATURE_INVALID', 'keyId=')
    bench.offer({ roots: [bench.trust.rootBytes], policy: next.bytes, krl })
  })

  it('lets nobody approve what they submitted themselves, and says so before it asks', async () => {
    await page.show({ submission: await page.submission({}, 'engineer-2') })
    const { errors } = await bench.run('approve', 'r8', ...bench.keyOf('engineer-2'))
    expect(errors[0]).toBe('refused: APPROVER_IS_REQUESTER (person=engineer-2)')
  })

  it('refuses a role that does not count', async () => {
    await page.show()
    const { errors } = await page.approve('security-1')
    expect(errors[0]).toBe('refused: APPROVAL_ROLE (person=security-1 role=release-manager)')
  })
})

/** The last byte belongs to the last signature. */
const spoil = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte))

async function expectRefused(code: string, detail: string): Promise<void> {
  const { exitCode, errors } = await page.approve()
  expect(errors[0]).toContain(`refused: ${code} (`)
  expect(errors[0]).toContain(detail)
  expect(errors[1]).toMatch(/^next: /)
  expect(exitCode).toBe(1)
  expect(page.approvals).toEqual([])
}
