import type { DeviceAttack } from '../../device-attack.js'
import { assignmentWithoutEnd } from './time/assignment-without-end.js'
import { clockAt1970 } from './time/clock-at-1970.js'
import { clockIn2100 } from './time/clock-in-2100.js'
import { clockMended } from './time/clock-mended.js'
import { deadKrl } from './time/dead-krl.js'
import { earlyAssignment } from './time/early-assignment.js'
import { embeddedRootExpired } from './time/embedded-root-expired.js'
import { expiredRoot } from './time/expired-root.js'
import { freshnessFromLater } from './time/freshness-from-later.js'
import { freshnessOfFormerEpoch } from './time/freshness-of-former-epoch.js'
import { freshnessWithoutEnd } from './time/freshness-without-end.js'
import { intermediateRootExpired } from './time/intermediate-root-expired.js'
import { krlOfLongLife } from './time/krl-of-long-life.js'
import { noFreshness } from './time/no-freshness.js'
import { noKrl } from './time/no-krl.js'
import { nothingNewForEver } from './time/nothing-new-for-ever.js'
import { oldAssignment } from './time/old-assignment.js'
import { replayedNonce } from './time/replayed-nonce.js'
import { rootsToBeFetched } from './time/roots-to-be-fetched.js'
import { staleFreshness } from './time/stale-freshness.js'
import { twoYearsOffline } from './time/two-years-offline.js'
import { twoYearsOfflineWithoutAClock } from './time/two-years-offline-without-a-clock.js'

export const timeAttacks: readonly DeviceAttack[] = [
  staleFreshness,
  freshnessWithoutEnd,
  freshnessFromLater,
  freshnessOfFormerEpoch,
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
]
