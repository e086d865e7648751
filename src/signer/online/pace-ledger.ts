import { toHex } from '../../domain/bytes.js'
import type { AssignmentEntry, TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import type { SpentPace } from '../checks/pace.check.js'
import type { Ledger } from '../signer-state.js'

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400

interface Pace {
  readonly planExpires: number
  readonly devices: Set<string>
  /** When each device was counted, in order. */
  readonly times: number[]
  /** Index of the first time within the last hour, as of the last question. */
  firstRecent: number
  /** The day (by the clock, UTC) of the last renewal, and how many it has had. */
  renewalDay: number
  renewals: number
}

/** Distinct devices by plan and manifest: what a rollout has spent of its pace. */
export class PaceLedger implements Ledger {
  private readonly paces = new Map<string, Pace>()

  apply({ time, entry }: TimedEntry): void {
    if (entry.kind !== 'assignment') return
    const pace = this.paceOf(entry, time)
    if (pace.devices.has(entry.deviceId)) {
      pace.renewals = renewalsOn(dayOf(time), pace) + 1
      pace.renewalDay = dayOf(time)
      return
    }
    pace.devices.add(entry.deviceId)
    pace.times.push(time)
  }

  /** What one more device would be held against. */
  counted(planSha256: Uint8Array, manifestSha256: Uint8Array, deviceId: string, now: number): SpentPace {
    const pace = this.paces.get(nameOf(planSha256, manifestSha256))
    if (pace === undefined) return { isCounted: false, inHour: 0, total: 0, renewedToday: 0 }
    while ((pace.times[pace.firstRecent] ?? now) <= now - HOUR_SECONDS) pace.firstRecent += 1
    return {
      isCounted: pace.devices.has(deviceId),
      inHour: pace.times.length - pace.firstRecent,
      total: pace.devices.size,
      renewedToday: renewalsOn(dayOf(now), pace),
    }
  }

  private paceOf(entry: AssignmentEntry, time: number): Pace {
    const name = nameOf(entry.planSha256, entry.manifestSha256)
    const known = this.paces.get(name)
    if (known !== undefined) return known
    // A plan that has ended pays for nothing any more, so its devices need not be remembered.
    for (const [other, { planExpires }] of this.paces) if (planExpires <= time) this.paces.delete(other)
    const counts = { times: [], firstRecent: 0, renewalDay: 0, renewals: 0 }
    const pace = { planExpires: entry.planExpires, devices: new Set<string>(), ...counts }
    this.paces.set(name, pace)
    return pace
  }
}

const dayOf = (time: number): number => Math.floor(time / DAY_SECONDS)
const renewalsOn = (day: number, pace: Pace): number => (pace.renewalDay === day ? pace.renewals : 0)

const nameOf = (planSha256: Uint8Array, manifestSha256: Uint8Array): string =>
  `${toHex(planSha256)} ${toHex(manifestSha256)}`
