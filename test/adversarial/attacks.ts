import type { Attack } from './attack.js'
import { aWithoutB } from './attacks/a-without-b.js'
import { algorithmConfusedAssignment } from './attacks/algorithm-confused-assignment.js'
import { algorithmOfAnotherKey } from './attacks/algorithm-of-another-key.js'
import { algorithmTheRootDropped } from './attacks/algorithm-the-root-dropped.js'
import { anchorsAtEnrolment } from './attacks/anchors-at-enrolment.js'
import { answerForAnotherDevice } from './attacks/answer-for-another-device.js'
import { assignedSequence } from './attacks/assigned-sequence.js'
import { assignmentKeySaysFresh } from './attacks/assignment-key-says-fresh.js'
import { assignmentOfAnotherNamespace } from './attacks/assignment-of-another-namespace.js'
import { assignmentWithoutEnd } from './attacks/assignment-without-end.js'
import { attachedPayload } from './attacks/attached-payload.js'
import { belowKrlFloor } from './attacks/below-krl-floor.js'
import { belowRootFloor } from './attacks/below-root-floor.js'
import { borrowedSignature } from './attacks/borrowed-signature.js'
import { clockAt1970 } from './attacks/clock-at-1970.js'
import { clockIn2100 } from './attacks/clock-in-2100.js'
import { clockMended } from './attacks/clock-mended.js'
import { criticalHeader } from './attacks/critical-header.js'
import { deadKrl } from './attacks/dead-krl.js'
import { deepNesting } from './attacks/deep-nesting.js'
import { duplicateKey } from './attacks/duplicate-key.js'
import { earlyAssignment } from './attacks/early-assignment.js'
import { ecdsaOfAnyCurve } from './attacks/ecdsa-of-any-curve.js'
import { eddsaOfAnyCurve } from './attacks/eddsa-of-any-curve.js'
import { editedJournal } from './attacks/edited-journal.js'
import { embeddedRootExpired } from './attacks/embedded-root-expired.js'
import { emptySignature } from './attacks/empty-signature.js'
import { endlessAnswer } from './attacks/endless-answer.js'
import { endlessPayload } from './attacks/endless-payload.js'
import { endlessRootDocument } from './attacks/endless-root-document.js'
import { endlessRoots } from './attacks/endless-roots.js'
import { envelopeExtraMember } from './attacks/envelope-extra-member.js'
import { expiredManifestKey } from './attacks/expired-manifest-key.js'
import { expiredRoot } from './attacks/expired-root.js'
import { extraCommand } from './attacks/extra-command.js'
import { extraManifestMember } from './attacks/extra-manifest-member.js'
import { extraPayloadByte } from './attacks/extra-payload-byte.js'
import { fastForwardClock } from './attacks/fast-forward-clock.js'
import { fastForwardKrl } from './attacks/fast-forward-krl.js'
import { floorAtTheTop } from './attacks/floor-at-the-top.js'
import { forgedKrl } from './attacks/forged-krl.js'
import { freshnessKeySignsRelease } from './attacks/freshness-key-signs-release.js'
import { freshnessOfAnotherKrl } from './attacks/freshness-of-another-krl.js'
import { freshnessOfAnotherNamespace } from './attacks/freshness-of-another-namespace.js'
import { hiddenKrl } from './attacks/hidden-krl.js'
import { hostileManifest } from './attacks/hostile-manifest.js'
import { hugeInteger } from './attacks/huge-integer.js'
import { integratedPayload } from './attacks/integrated-payload.js'
import { intermediateRootExpired } from './attacks/intermediate-root-expired.js'
import { keyUnderTwoNames } from './attacks/key-under-two-names.js'
import { krlBelowRoot } from './attacks/krl-below-root.js'
import { krlDatedPastItsKey } from './attacks/krl-dated-past-its-key.js'
import { krlEquivocation } from './attacks/krl-equivocation.js'
import { krlKeyAssigns } from './attacks/krl-key-assigns.js'
import { krlKeyRevokesItsSuccessor } from './attacks/krl-key-revokes-its-successor.js'
import { krlOfAnotherNamespace } from './attacks/krl-of-another-namespace.js'
import { krlOfFormerEpoch } from './attacks/krl-of-former-epoch.js'
import { krlOfLongLife } from './attacks/krl-of-long-life.js'
import { krlRevokesEmergencyKey } from './attacks/krl-revokes-emergency-key.js'
import { krlRevokesRootKey } from './attacks/krl-revokes-root-key.js'
import { labelOfAnotherDocument } from './attacks/label-of-another-document.js'
import { longInteger } from './attacks/long-integer.js'
import { loweredEpoch } from './attacks/lowered-epoch.js'
import { loweredKrlFloor } from './attacks/lowered-krl-floor.js'
import { loweredRootFloor } from './attacks/lowered-root-floor.js'
import { macBesideASignature } from './attacks/mac-beside-a-signature.js'
import { macForAKrl } from './attacks/mac-for-a-krl.js'
import { manifestKeyRevokes } from './attacks/manifest-key-revokes.js'
import { multiSignatureBlock } from './attacks/multi-signature-block.js'
import { nameOfAnotherDevice } from './attacks/name-of-another-device.js'
import { nameOfTheRealKey } from './attacks/name-of-the-real-key.js'
import { noFreshness } from './attacks/no-freshness.js'
import { noKrl } from './attacks/no-krl.js'
import { nothingNewForEver } from './attacks/nothing-new-for-ever.js'
import { oldAndNewAForB } from './attacks/old-and-new-a-for-b.js'
import { oldAssignment } from './attacks/old-assignment.js'
import { olderKrl } from './attacks/older-krl.js'
import { olderRelease } from './attacks/older-release.js'
import { oneBlockTwice } from './attacks/one-block-twice.js'
import { oneRootKey } from './attacks/one-root-key.js'
import { oneRootKeyTwice } from './attacks/one-root-key-twice.js'
import { otherClass } from './attacks/other-class.js'
import { otherEnvironment } from './attacks/other-environment.js'
import { otherImage } from './attacks/other-image.js'
import { otherPayloadAddress } from './attacks/other-payload-address.js'
import { otherReleaseThanAssigned } from './attacks/other-release-than-assigned.js'
import { otherText } from './attacks/other-text.js'
import { otherVendor } from './attacks/other-vendor.js'
import { oversizedEnvelope } from './attacks/oversized-envelope.js'
import { oversizedKrl } from './attacks/oversized-krl.js'
import { reorderedCommands } from './attacks/reordered-commands.js'
import { replayedNonce } from './attacks/replayed-nonce.js'
import { reusedSequence } from './attacks/reused-sequence.js'
import { revocationLostWithARoot } from './attacks/revocation-lost-with-a-root.js'
import { revocationsWithoutEnd } from './attacks/revocations-without-end.js'
import { revokedAssignmentKey } from './attacks/revoked-assignment-key.js'
import { revokedFreshnessKey } from './attacks/revoked-freshness-key.js'
import { revokedKrlKey } from './attacks/revoked-krl-key.js'
import { revokedManifestKey } from './attacks/revoked-manifest-key.js'
import { revokedWhileDownloading } from './attacks/revoked-while-downloading.js'
import { rootItsHoldersDidNotSign } from './attacks/root-its-holders-did-not-sign.js'
import { rootOfAnotherNamespace } from './attacks/root-of-another-namespace.js'
import { rootsToBeFetched } from './attacks/roots-to-be-fetched.js'
import { shortPayload } from './attacks/short-payload.js'
import { shortenedJournal } from './attacks/shortened-journal.js'
import { skippedRoot } from './attacks/skipped-root.js'
import { slowAnswer } from './attacks/slow-answer.js'
import { slowPayload } from './attacks/slow-payload.js'
import { staleFreshness } from './attacks/stale-freshness.js'
import { strangerRelease } from './attacks/stranger-release.js'
import { strangerRoot } from './attacks/stranger-root.js'
import { successorBeforeItsTime } from './attacks/successor-before-its-time.js'
import { timePastTheKey } from './attacks/time-past-the-key.js'
import { tooManyBlocks } from './attacks/too-many-blocks.js'
import { tooManyRootSignatures } from './attacks/too-many-root-signatures.js'
import { trailingBytes } from './attacks/trailing-bytes.js'
import { twoYearsOffline } from './attacks/two-years-offline.js'
import { twoYearsOfflineWithoutAClock } from './attacks/two-years-offline-without-a-clock.js'
import { unRevokedKey } from './attacks/un-revoked-key.js'
import { unWithdrawnRelease } from './attacks/un-withdrawn-release.js'
import { unknownMember } from './attacks/unknown-member.js'
import { unprotectedHeader } from './attacks/unprotected-header.js'
import { unsignedRelease } from './attacks/unsigned-release.js'
import { unsortedKeys } from './attacks/unsorted-keys.js'
import { withdrawnRelease } from './attacks/withdrawn-release.js'
import { withheldKrl } from './attacks/withheld-krl.js'
import { withheldRoot } from './attacks/withheld-root.js'
import { zeroSignature } from './attacks/zero-signature.js'

/** Every attack there is, group by group. A new one is a file in `attacks/` and two lines here. */
export const attacks: readonly Attack[] = [
  unsignedRelease,
  strangerRelease,
  otherImage,
  extraPayloadByte,
  shortPayload,
  otherClass,
  otherEnvironment,
  otherVendor,
  rootOfAnotherNamespace,
  krlOfAnotherNamespace,
  freshnessOfAnotherNamespace,
  assignmentOfAnotherNamespace,
  borrowedSignature,
  otherReleaseThanAssigned,
  olderRelease,
  reusedSequence,
  belowKrlFloor,
  belowRootFloor,
  loweredKrlFloor,
  olderKrl,
  krlEquivocation,
  freshnessOfAnotherKrl,
  krlBelowRoot,
  krlOfFormerEpoch,
  skippedRoot,
  loweredRootFloor,
  loweredEpoch,
  assignedSequence,
  fastForwardKrl,
  floorAtTheTop,
  fastForwardClock,
  timePastTheKey,
  krlDatedPastItsKey,
  withheldKrl,
  withheldRoot,
  hiddenKrl,
  oneRootKey,
  strangerRoot,
  rootItsHoldersDidNotSign,
  aWithoutB,
  oldAndNewAForB,
  oneBlockTwice,
  oneRootKeyTwice,
  keyUnderTwoNames,
  unRevokedKey,
  unWithdrawnRelease,
  withdrawnRelease,
  revocationLostWithARoot,
  revokedManifestKey,
  revokedAssignmentKey,
  revokedFreshnessKey,
  revokedKrlKey,
  krlRevokesRootKey,
  krlRevokesEmergencyKey,
  krlKeyRevokesItsSuccessor,
  expiredManifestKey,
  successorBeforeItsTime,
  freshnessKeySignsRelease,
  krlKeyAssigns,
  assignmentKeySaysFresh,
  manifestKeyRevokes,
  revocationsWithoutEnd,
  revokedWhileDownloading,
  emptySignature,
  zeroSignature,
  nameOfTheRealKey,
  forgedKrl,
  eddsaOfAnyCurve,
  ecdsaOfAnyCurve,
  algorithmOfAnotherKey,
  algorithmConfusedAssignment,
  algorithmTheRootDropped,
  macBesideASignature,
  macForAKrl,
  multiSignatureBlock,
  labelOfAnotherDocument,
  attachedPayload,
  unprotectedHeader,
  criticalHeader,
  tooManyBlocks,
  tooManyRootSignatures,
  hostileManifest,
  envelopeExtraMember,
  integratedPayload,
  otherText,
  reorderedCommands,
  extraCommand,
  extraManifestMember,
  otherPayloadAddress,
  longInteger,
  hugeInteger,
  duplicateKey,
  unsortedKeys,
  unknownMember,
  trailingBytes,
  deepNesting,
  oversizedKrl,
  oversizedEnvelope,
  staleFreshness,
  nothingNewForEver,
  noKrl,
  noFreshness,
  deadKrl,
  krlOfLongLife,
  expiredRoot,
  oldAssignment,
  earlyAssignment,
  assignmentWithoutEnd,
  replayedNonce,
  clockAt1970,
  clockIn2100,
  clockMended,
  twoYearsOffline,
  twoYearsOfflineWithoutAClock,
  embeddedRootExpired,
  intermediateRootExpired,
  rootsToBeFetched,
  endlessPayload,
  endlessAnswer,
  endlessRootDocument,
  endlessRoots,
  slowPayload,
  slowAnswer,
  anchorsAtEnrolment,
  nameOfAnotherDevice,
  answerForAnotherDevice,
  editedJournal,
  shortenedJournal,
]
