import type { DeviceAttack } from '../../device-attack.js'
import { assignedSequence } from './versions/assigned-sequence.js'
import { belowKrlFloor } from './versions/below-krl-floor.js'
import { belowRootFloor } from './versions/below-root-floor.js'
import { fastForwardClock } from './versions/fast-forward-clock.js'
import { fastForwardKrl } from './versions/fast-forward-krl.js'
import { floorAtTheTop } from './versions/floor-at-the-top.js'
import { freshnessOfAnotherKrl } from './versions/freshness-of-another-krl.js'
import { heldKrlBelowRoot } from './versions/held-krl-below-root.js'
import { hiddenKrl } from './versions/hidden-krl.js'
import { krlBelowRoot } from './versions/krl-below-root.js'
import { krlDatedPastItsKey } from './versions/krl-dated-past-its-key.js'
import { krlEquivocation } from './versions/krl-equivocation.js'
import { krlOfFormerEpoch } from './versions/krl-of-former-epoch.js'
import { loweredEpoch } from './versions/lowered-epoch.js'
import { loweredKrlFloor } from './versions/lowered-krl-floor.js'
import { loweredRootFloor } from './versions/lowered-root-floor.js'
import { olderKrl } from './versions/older-krl.js'
import { olderRelease } from './versions/older-release.js'
import { reusedSequence } from './versions/reused-sequence.js'
import { skippedRoot } from './versions/skipped-root.js'
import { timePastTheKey } from './versions/time-past-the-key.js'
import { withheldKrl } from './versions/withheld-krl.js'
import { withheldRoot } from './versions/withheld-root.js'

export const versionsAttacks: readonly DeviceAttack[] = [
  olderRelease,
  reusedSequence,
  belowKrlFloor,
  belowRootFloor,
  loweredKrlFloor,
  olderKrl,
  krlEquivocation,
  freshnessOfAnotherKrl,
  krlBelowRoot,
  heldKrlBelowRoot,
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
]
