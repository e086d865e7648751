import type { DeviceAttack } from '../../device-attack.js'
import { aWithoutB } from './keys/a-without-b.js'
import { assignmentKeySaysFresh } from './keys/assignment-key-says-fresh.js'
import { droppedAndListedAgain } from './keys/dropped-and-listed-again.js'
import { expiredManifestKey } from './keys/expired-manifest-key.js'
import { freshnessKeySignsRelease } from './keys/freshness-key-signs-release.js'
import { keyUnderTwoNames } from './keys/key-under-two-names.js'
import { krlKeyAssigns } from './keys/krl-key-assigns.js'
import { krlKeyRevokesItsSuccessor } from './keys/krl-key-revokes-its-successor.js'
import { krlRevokesEmergencyKey } from './keys/krl-revokes-emergency-key.js'
import { krlRevokesRootKey } from './keys/krl-revokes-root-key.js'
import { manifestKeyRevokes } from './keys/manifest-key-revokes.js'
import { oldAndNewAForB } from './keys/old-and-new-a-for-b.js'
import { oneBlockTwice } from './keys/one-block-twice.js'
import { oneRootKey } from './keys/one-root-key.js'
import { oneRootKeyTwice } from './keys/one-root-key-twice.js'
import { revocationLostWithARoot } from './keys/revocation-lost-with-a-root.js'
import { revocationsWithoutEnd } from './keys/revocations-without-end.js'
import { revokedAssignmentKey } from './keys/revoked-assignment-key.js'
import { revokedFreshnessKey } from './keys/revoked-freshness-key.js'
import { revokedKrlKey } from './keys/revoked-krl-key.js'
import { revokedManifestKey } from './keys/revoked-manifest-key.js'
import { revokedWhileDownloading } from './keys/revoked-while-downloading.js'
import { rootItsHoldersDidNotSign } from './keys/root-its-holders-did-not-sign.js'
import { strangerBesideManifestKey } from './keys/stranger-beside-manifest-key.js'
import { strangerBesideRootHolders } from './keys/stranger-beside-root-holders.js'
import { strangerRoot } from './keys/stranger-root.js'
import { successorBeforeItsTime } from './keys/successor-before-its-time.js'
import { unRevokedKey } from './keys/un-revoked-key.js'
import { unWithdrawnRelease } from './keys/un-withdrawn-release.js'
import { withdrawnRelease } from './keys/withdrawn-release.js'

export const keysAttacks: readonly DeviceAttack[] = [
  oneRootKey,
  strangerRoot,
  strangerBesideRootHolders,
  strangerBesideManifestKey,
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
  droppedAndListedAgain,
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
]
