import { fromHex, sha256, toHex, utf8 } from '../../src/domain/bytes.js'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../../src/domain/cose/sign.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { appendLines, emptyJournal } from '../../src/domain/journal/journal-chain.js'
import { JournalScanner } from '../../src/domain/journal/journal-scanner.js'
import { wrappedSha256 } from '../../src/domain/suit/digest.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../../src/domain/suit/envelope.js'
import { encodeManifest } from '../../src/domain/suit/manifest.js'
import { encodeText } from '../../src/domain/suit/text.js'
import { encodeApproval } from '../../src/domain/trust/approval.js'
import { encodeAssignment } from '../../src/domain/trust/assignment.js'
import { encodeCertificateRequest, openCertificateRequest } from '../../src/domain/trust/certificate-request.js'
import { checkApproval } from '../../src/domain/trust/check-approvals.js'
import { checkAssignment } from '../../src/domain/trust/check-assignment.js'
import { checkEnvelope } from '../../src/domain/trust/check-envelope.js'
import { openFreshness } from '../../src/domain/trust/check-freshness.js'
import { openSubmission } from '../../src/domain/trust/check-submission.js'
import { encodeEnrolment } from '../../src/domain/trust/enrolment.js'
import { encodeFreshness } from '../../src/domain/trust/freshness.js'
import { encodeKrl } from '../../src/domain/trust/krl.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { openEnrolment } from '../../src/domain/trust/open-enrolment.js'
import { openPolicy } from '../../src/domain/trust/open-policy.js'
import { encodePolicy } from '../../src/domain/trust/policy.js'
import { encodeReport } from '../../src/domain/trust/report.js'
import { encodeRolloutPlan, parseRolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import { encodeRoot } from '../../src/domain/trust/root.js'
import {
  encodeClockResetOrder,
  encodeResumeOrder,
  parseClockResetOrder,
  parseResumeOrder,
} from '../../src/domain/trust/signer-order.js'
import { encodeSubmission } from '../../src/domain/trust/submission.js'
import { nothingRevoked } from '../../src/domain/trust/signed-document.js'
import { takeKrl } from '../../src/domain/trust/take-krl.js'
import { anchorState } from '../../src/domain/trust/trust-state.js'
import { encodeUpdateAnswer, parseUpdateAnswer } from '../../src/protocol/device-http.js'
import { encodePresenceMessage, parsePresenceMessage } from '../../src/protocol/mqtt-payloads.js'
import {
  decodeAnswerBody,
  decodeRequestBody,
  encodeRefusalFrame,
  encodeRequestFrame,
} from '../../src/protocol/signer-socket.js'
import { openReport } from '../../src/server/device/report-check.js'
import { annotateCbor, annotatePlain } from '../support/annotate-cbor.js'
import type { SoftKey } from '../support/soft-key.js'
import { deviceChangeExamples } from './device-change-examples.js'
import type { FormatExample } from './format-example.js'
import { envelopeShape, journalRecord, shapes, sign, sign1 } from './example-shapes.js'
import { CLASS_ID, IMAGE, keys, krl, NAMESPACE, NOW, policy, root, VENDOR_ID } from './example-namespace.js'

const algorithms = nativeAlgorithms
const several = async (kind: 'root' | 'policy', payload: Uint8Array, ...by: SoftKey[]): Promise<Uint8Array> =>
  encodeSign(payload, await Promise.all(by.map((key) => makeOneSignature(key, payload, labelOf(kind)))))

const rootBytes = await several('root', encodeRoot(root), keys.root1, keys.root2)
const state = anchorState(rootBytes, algorithms)
const policyBytes = await several('policy', encodePolicy(policy), keys.policy)
const krlBytes = await buildSign1(keys.krl, encodeKrl(krl), labelOf('krl'))
const held = takeKrl(state, krlBytes, NOW, algorithms)

const imageSha256 = sha256(IMAGE)
const text = encodeText({ description: 'Radio stays on during a poll' })
const manifest = encodeManifest({
  sequence: 5,
  vendorId: VENDOR_ID,
  classId: CLASS_ID,
  imageSha256,
  imageSizeBytes: IMAGE.length,
  version: '1.4.0',
  textSha256: wrappedSha256(text),
})
const digest = manifestSha256(manifest)
const envelope = encodeEnvelope(manifest, [await buildBlock(keys.manifest, digest)], text)

const freshness = encodeFreshness({
  namespace: NAMESPACE,
  time: NOW,
  expires: NOW + 86_400,
  krlNumber: krl.number,
  krlSha256: sha256(krlBytes),
  rootVersion: 1,
  nonce: sha256(utf8('nonce')).slice(0, 16),
})
const freshnessBytes = await buildSign1(keys.freshness, freshness, labelOf('freshness'))
const assignment = encodeAssignment({
  namespace: NAMESPACE,
  deviceId: keys.device.keyIdHex,
  rolloutId: 'rollout-1',
  manifestSha256: digest,
  sequence: 5,
  leastKrlNumber: krl.number,
  notBefore: NOW,
  expires: NOW + 86_400,
})
const assignmentBytes = await buildSign1(keys.assignment, assignment, labelOf('assignment'))

const image = { imageSha256, imageSizeBytes: IMAGE.length, classId: CLASS_ID, version: '1.4.0' }
const submission = encodeSubmission({ namespace: NAMESPACE, ...image, requestId: 'request-1', time: NOW })
const submissionBytes = await buildSign1(keys.engineer, submission, labelOf('submission'))
const approval = encodeApproval({
  namespace: NAMESPACE,
  operation: 'sign',
  subjectSha256: digest,
  requestId: 'request-1',
  notBefore: NOW,
  expires: NOW + 86_400,
  policyVersion: 1,
  role: 'release-manager',
  image: { ...image, sequence: 5 },
})
const approvalBytes = await buildSign1(keys.manager, approval, labelOf('approval'))
const people = { policy, allowed: root.algorithms, revoked: nothingRevoked, now: NOW, algorithms }
const request = {
  operation: 'sign' as const,
  subjectSha256: digest,
  requestId: 'request-1',
  image: { ...image, sequence: 5 },
  requester: 'engineer-1',
}

const plan = encodeRolloutPlan({
  namespace: NAMESPACE,
  rolloutId: 'rollout-1',
  manifests: [digest],
  devicesPerHour: 500,
  devicesTotal: 10_000,
  notBefore: NOW,
  expires: NOW + 7 * 86_400,
})

const report = encodeReport({
  namespace: NAMESPACE,
  deviceId: keys.device.keyIdHex,
  epoch: 1,
  counter: 7,
  time: NOW,
  runningManifestSha256: digest,
  runningSequence: 5,
  runningImageSha256: imageSha256,
  rootVersion: 1,
  krlNumber: 2,
  state: 'refused',
  reason: 105,
  rolloutId: 'rollout-1',
})
const reportBytes = await buildSign1(keys.device, report, labelOf('report'))
const enrolment = encodeEnrolment({ namespace: NAMESPACE, key: keys.device.key, classId: CLASS_ID, time: NOW })
const enrolmentBytes = await buildSign1(keys.device, enrolment, labelOf('enrolment'))

/** The base point of P-256 (SEC 2 §2.4.2): a key that anybody can write down. */
const tlsKey = {
  kind: 'p256' as const,
  x: fromHex('6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
  y: fromHex('4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
}
const certificateRequest = encodeCertificateRequest({
  namespace: NAMESPACE,
  deviceId: keys.device.keyIdHex,
  deviceKey: keys.device.key,
  tlsKey,
  time: NOW,
})
const certificateRequestBytes = await buildSign1(keys.device, certificateRequest, labelOf('certificate-request'))

const requestFrame = encodeRequestFrame(1, { operation: 'freshness', nonce: sha256(utf8('nonce')).slice(0, 16) })
const refusalFrame = encodeRefusalFrame(1, { code: 'CLOCK_BEHIND', check: 4 })
const frameText = (frame: Uint8Array): string =>
  [annotatePlain(frame.subarray(0, 4), 'length'), annotateCbor(frame.subarray(4), {})].join('\n')

const { frame: journal } = appendLines(emptyJournal, NAMESPACE, [
  { time: NOW, kind: 'root', body: new Map([['bytes', Uint8Array.of(0xd8, 0x62)]]) },
])
const journalText = [
  annotatePlain(journal.subarray(0, 4), 'length of the payload'),
  annotatePlain(journal.subarray(4, 8), 'the same, every bit turned round'),
  annotatePlain(journal.subarray(8, 16), 'first 8 bytes of the SHA-256 of the payload'),
  annotateCbor(journal.subarray(16), { each: journalRecord }),
].join('\n')

const order = encodeResumeOrder({
  namespace: NAMESPACE,
  process: 'release',
  suspensionId: sha256(utf8('suspension')).slice(0, 16),
  sequences: new Map([[toHex(CLASS_ID), 5]]),
  leastKrlNumber: 2,
})
const reset = encodeClockResetOrder({
  namespace: NAMESPACE,
  process: 'online',
  lastSeen: NOW + 7_200,
  notBefore: NOW,
  expires: NOW + 3_600,
})

const answer = encodeUpdateAnswer({ payloadUrls: [`/device/v1/${NAMESPACE}/`], ack: { epoch: 1, counter: 7 } })
const presence = encodePresenceMessage({ isOnline: true, connection: 12, rootVersion: 1, krlNumber: 2 })

/** Every worked example, by the page it stands on. */
export const formatExamples: readonly FormatExample[] = [
  { page: 'root', text: annotateCbor(rootBytes, sign(shapes.root)), check: () => anchorState(rootBytes, algorithms) },
  {
    page: 'policy',
    text: annotateCbor(policyBytes, sign(shapes.policy)),
    check: () => openPolicy(state, policyBytes, null, NOW, algorithms),
  },
  { page: 'krl', text: annotateCbor(krlBytes, sign1(shapes.krl)), check: () => held },
  {
    page: 'freshness',
    text: annotateCbor(freshnessBytes, sign1(shapes.freshness)),
    check: () => openFreshness(held, freshnessBytes, NOW, null, algorithms),
  },
  {
    page: 'assignment',
    text: annotateCbor(assignmentBytes, sign1(shapes.assignment)),
    check: () => checkAssignment(held, assignmentBytes, keys.device.keyIdHex, NOW, algorithms),
  },
  {
    page: 'submission',
    text: annotateCbor(submissionBytes, sign1(shapes.submission)),
    check: () => openSubmission(submissionBytes, people),
  },
  {
    page: 'approval',
    text: annotateCbor(approvalBytes, sign1(shapes.approval)),
    check: () => checkApproval(approvalBytes, request, people),
  },
  { page: 'rollout-plan', text: annotateCbor(plan, shapes.rolloutPlan), check: () => parseRolloutPlan(plan) },
  {
    page: 'report',
    text: annotateCbor(reportBytes, sign1(shapes.report)),
    check: () =>
      openReport(reportBytes, keys.device.key, { namespace: NAMESPACE, deviceId: keys.device.keyIdHex }, [-19]),
  },
  {
    page: 'enrolment',
    text: annotateCbor(enrolmentBytes, sign1(shapes.enrolment)),
    check: () => openEnrolment(NAMESPACE, enrolmentBytes, [-19], algorithms),
  },
  {
    page: 'certificate-request',
    text: annotateCbor(certificateRequestBytes, sign1(shapes.certificateRequest)),
    check: () =>
      openCertificateRequest(certificateRequestBytes, [], {
        ...{ namespace: NAMESPACE, allowed: [-19], algorithms, revoked: nothingRevoked, now: NOW },
      }),
  },
  {
    page: 'suit-envelope',
    text: annotateCbor(envelope, envelopeShape),
    check: () => checkEnvelope(held, envelope, digest, NOW, algorithms),
  },
  {
    page: 'signer-socket',
    text: `${frameText(requestFrame)}\n\n${frameText(refusalFrame)}`,
    check: () => [decodeRequestBody(requestFrame.subarray(4)), decodeAnswerBody(refusalFrame.subarray(4))],
  },
  { page: 'journal', text: journalText, check: () => new JournalScanner(NAMESPACE).take(journal) },
  ...deviceChangeExamples,
  {
    page: 'ceremony-files',
    text: `${annotateCbor(order, shapes.resume)}\n\n${annotateCbor(reset, shapes.clockReset)}`,
    check: () => [parseResumeOrder(order), parseClockResetOrder(reset)],
  },
  { page: 'device-http', text: annotateCbor(answer, {}), check: () => parseUpdateAnswer(answer) },
  { page: 'mqtt', text: annotateCbor(presence, {}), check: () => parsePresenceMessage(presence) },
]
