import type { DeviceAttack } from '../../device-attack.js'
import { countlessItems } from './bytes/countless-items.js'
import { deepNesting } from './bytes/deep-nesting.js'
import { duplicateKey } from './bytes/duplicate-key.js'
import { envelopeExtraMember } from './bytes/envelope-extra-member.js'
import { extraCommand } from './bytes/extra-command.js'
import { extraManifestMember } from './bytes/extra-manifest-member.js'
import { hostileManifest } from './bytes/hostile-manifest.js'
import { hugeInteger } from './bytes/huge-integer.js'
import { integratedPayload } from './bytes/integrated-payload.js'
import { longInteger } from './bytes/long-integer.js'
import { otherPayloadAddress } from './bytes/other-payload-address.js'
import { otherText } from './bytes/other-text.js'
import { oversizedEnvelope } from './bytes/oversized-envelope.js'
import { oversizedKrl } from './bytes/oversized-krl.js'
import { reorderedCommands } from './bytes/reordered-commands.js'
import { trailingBytes } from './bytes/trailing-bytes.js'
import { unknownMember } from './bytes/unknown-member.js'
import { unsortedKeys } from './bytes/unsorted-keys.js'

export const bytesAttacks: readonly DeviceAttack[] = [
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
  countlessItems,
  oversizedKrl,
  oversizedEnvelope,
]
