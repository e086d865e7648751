import type { CommandResult, CliBench } from './cli-bench.js'
import { CLASS_ID, VENDOR_ID } from './trust-fixture.js'
import { openPersonKey } from '../../src/cli/person-key.js'
import { sha256, toBase64Url, toHex } from '../../src/domain/bytes.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { wrappedSha256 } from '../../src/domain/suit/digest.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import { encodeManifest, parseManifest, type Manifest } from '../../src/domain/suit/manifest.js'
import { encodeText } from '../../src/domain/suit/text.js'
import { encodeApproval, type Approval } from '../../src/domain/trust/approval.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { encodeSubmission, type Submission } from '../../src/domain/trust/submission.js'

export const pageImage = new Uint8Array(5_000).fill(3)
export const pageText = encodeText({ description: 'fixes the watchdog' })

/** What a server says falsely; everything else of the page is good. */
export interface ReleaseLie {
  readonly page?: object
  readonly manifest?: Uint8Array
  readonly submission?: Uint8Array
  readonly content?: Uint8Array
}

export const manifestOf = (change: Partial<Manifest> = {}): Uint8Array =>
  encodeManifest({
    sequence: 8,
    vendorId: VENDOR_ID,
    classId: CLASS_ID,
    imageSha256: sha256(pageImage),
    imageSizeBytes: pageImage.length,
    version: '1.4.0',
    textSha256: wrappedSha256(pageText),
    ...change,
  })

/** The page of release `r8`, as a server shows it to an approver. */
export class ReleasePage {
  constructor(private readonly bench: CliBench) {}

  submission(change: Partial<Submission> = {}, person = 'engineer-1'): Promise<Uint8Array> {
    const { signer } = openPersonKey(this.bench.path(`${person}.key`), 'correct horse battery')
    const submission: Submission = {
      namespace: this.bench.trust.namespace,
      imageSha256: sha256(pageImage),
      imageSizeBytes: pageImage.length,
      version: '1.4.0',
      classId: CLASS_ID,
      requestId: 'request-8',
      time: this.bench.trust.now - 60,
      ...change,
    }
    return buildSign1(signer, encodeSubmission(submission), labelOf('submission'))
  }

  /** A row of the page: that person's approval of the release, under policy 1 unless it is said otherwise. */
  async approvalBy(person: string, change: Partial<Approval> = {}): Promise<object> {
    const { signer } = openPersonKey(this.bench.path(`${person}.key`), 'correct horse battery')
    const { namespace, now, policy } = this.bench.trust
    const approval: Approval = {
      ...{ namespace, operation: 'sign', role: 'release-manager', policyVersion: policy.version },
      ...{ subjectSha256: manifestSha256(manifestOf()), requestId: 'request-8' },
      ...{ notBefore: now - 60, expires: now + 600, image: parseManifest(manifestOf()) },
      ...change,
    }
    const document = await buildSign1(signer, encodeApproval(approval), labelOf('approval'))
    return { person, role: approval.role, approval: toBase64Url(document) }
  }

  async show(lie: ReleaseLie = {}): Promise<void> {
    const manifest = lie.manifest ?? manifestOf()
    const page = {
      id: 'r8',
      state: 'awaiting approval',
      requestId: 'request-8',
      sequence: 8,
      version: '1.4.0',
      classId: toHex(CLASS_ID),
      className: 'gateway-rev-b',
      imageSha256: toHex(sha256(pageImage)),
      imageSizeBytes: pageImage.length,
      manifestSha256: toHex(manifestSha256(manifest)),
      manifest: toBase64Url(manifest),
      text: toBase64Url(pageText),
      submission: toBase64Url(lie.submission ?? (await this.submission())),
      approvals: [],
      envelope: null,
      ...lie.page,
    }
    const { courier } = this.bench
    courier.calls.length = 0
    courier.on('GET /releases/r8', () => page)
    courier.on('GET /releases', () => ({ items: [page], next: null }))
    courier.on('POST /releases/r8/approvals', () => page)
    courier.on(`GET /firmware/${page.imageSha256}/content`, () => lie.content ?? pageImage)
  }

  /** A signed release `r7` before it, with that envelope. */
  showBefore(envelope: Uint8Array): void {
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
    this.bench.courier.on('GET /releases', () => ({ items: [row], next: null }))
    this.bench.courier.on('GET /releases/r7', () => page)
  }

  approve(person = 'manager-1', ...more: string[]): Promise<CommandResult> {
    return this.bench.run('release', 'approve', 'r8', ...this.bench.keyOf(person), '--yes', ...more)
  }

  /** Approvals that reached the server. */
  get approvals(): readonly Uint8Array[] {
    return this.bench.courier
      .posted('/releases/r8/approvals')
      .map((body) => new Uint8Array(Buffer.from(body['approval'] ?? '', 'base64url')))
  }
}
