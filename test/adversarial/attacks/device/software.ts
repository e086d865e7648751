import type { DeviceAttack } from '../../device-attack.js'
import { assignmentOfAnotherNamespace } from './software/assignment-of-another-namespace.js'
import { borrowedSignature } from './software/borrowed-signature.js'
import { extraPayloadByte } from './software/extra-payload-byte.js'
import { freshnessOfAnotherNamespace } from './software/freshness-of-another-namespace.js'
import { krlOfAnotherNamespace } from './software/krl-of-another-namespace.js'
import { otherClass } from './software/other-class.js'
import { otherEnvironment } from './software/other-environment.js'
import { otherImage } from './software/other-image.js'
import { otherReleaseThanAssigned } from './software/other-release-than-assigned.js'
import { otherVendor } from './software/other-vendor.js'
import { rootOfAnotherNamespace } from './software/root-of-another-namespace.js'
import { shortPayload } from './software/short-payload.js'
import { strangerRelease } from './software/stranger-release.js'
import { unsignedRelease } from './software/unsigned-release.js'

export const softwareAttacks: readonly DeviceAttack[] = [
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
]
