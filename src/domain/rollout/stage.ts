import { compareBytes, sha256, utf8 } from '../bytes.js'
import { Refusal } from '../refusal.js'

/**
 * How far a rollout reaches once a stage is open, counted from its first device: `3 devices`, `10 %`, `100 %`.
 * A stage brings in the devices between the reach of the stage before and its own.
 */
export type StageReach = { readonly devices: number } | { readonly percent: number }

export const MAX_STAGES = 32

/** Devices reached in total when this stage is open; a share is rounded up, so that 1 % of 20 is one device. */
export const reachOf = (stage: StageReach, members: number): number =>
  Math.min(members, 'devices' in stage ? stage.devices : Math.ceil((stage.percent * members) / 100))

/** Devices each stage brings in, in order. Their sum is never above `members`; a stage may bring in none. */
export function stageSizes(stages: readonly StageReach[], members: number): number[] {
  let before = 0
  return stages.map((stage) => {
    const reach = Math.max(before, reachOf(stage, members))
    const size = reach - before
    before = reach
    return size
  })
}

/** @throws Refusal `REQUEST_INVALID` for no stages, too many, a number out of range, or a stage that reaches no further. */
export function requireStages(stages: readonly StageReach[]): void {
  const invalid = (index: number, why: string) => new Refusal('REQUEST_INVALID', { field: `stages.${index}`, why })
  if (stages.length === 0 || stages.length > MAX_STAGES) throw invalid(0, `1 to ${MAX_STAGES} stages`)
  let devices = 0
  let percent = 0
  for (const [index, stage] of stages.entries()) {
    if ('devices' in stage) {
      if (!Number.isSafeInteger(stage.devices) || stage.devices <= devices)
        throw invalid(index, 'a whole number of devices above that of the stages before')
      devices = stage.devices
    } else {
      if (!(stage.percent > percent && stage.percent <= 100))
        throw invalid(index, 'a share up to 100 and above that of the stages before')
      percent = stage.percent
    }
  }
}

/**
 * A device's place in a rollout, 32 bytes to be compared bytewise. It depends on nothing but the two ids: it cannot be
 * chosen by a device and does not move. The database orders by the same hash.
 */
export const placeOf = (rolloutId: string, deviceId: string): Uint8Array => sha256(utf8(`${rolloutId}/${deviceId}`))

/** Device ids in the order in which a rollout reaches them. */
export const orderOf = (rolloutId: string, deviceIds: readonly string[]): string[] =>
  deviceIds
    .map((id) => ({ id, place: placeOf(rolloutId, id) }))
    .toSorted((a, b) => compareBytes(a.place, b.place))
    .map(({ id }) => id)
