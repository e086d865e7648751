import { createHash } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { deliverLate, replaceManifestKey, revoke, withhold } from './compromise.js'
import {
  provoke,
  replayOf,
  stealAssignment,
  tamperedManifest,
  tamperedPayload,
  unsigned,
  wrongClass,
} from './device-refusals.js'
import { startFleet } from './fleet-process.js'
import type { Installation } from './installation.js'
import { makeMcubootImage } from './mcuboot-image.js'
import type { DemoOptions } from './options.js'
import { approveRelease, makeRelease, requestRelease } from './releases.js'
import type { DemoResult, RefusalRow } from './result.js'
import { followRollout, startRollout } from './rollouts.js'
import { expectRefusal, provokeReleaseSigner } from './signer-refusals.js'
import type { Story } from './story.js'
import { claimToken, Victim } from './victim.js'

/** What every chapter works with. */
export interface Scene {
  readonly installation: Installation
  readonly supervisor: ProcessSupervisor
  readonly story: Story
  readonly options: DemoOptions
}

const BODY_BYTES = 200_000

/** A made-up image of a version, in a file an engineer would have. */
function imageFile(scene: Scene, version: readonly [number, number, number]): string {
  const file = scene.installation.folders.path('keys', `firmware-${version.join('.')}.bin`)
  writeFileSync(file, makeMcubootImage(version, BODY_BYTES))
  return file
}

function firstFirmware(scene: Scene): { file: string; firmware: DemoResult['firmware'] } {
  const given = scene.options.firmware
  const file = given === null ? imageFile(scene, [1, 0, 0]) : scene.installation.folders.path('keys', basename(given))
  if (given !== null) copyFileSync(given, file)
  const bytes = readFileSync(file)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { file, firmware: { name: basename(file), sha256, sizeBytes: bytes.length } }
}

/** From a firmware file to confirmed boots. The veteran is the one device of the fleet that sits behind a liar, who tells the truth yet. */
export async function mainJob(scene: Scene) {
  const { installation, supervisor, story, options } = scene
  const { file, firmware } = firstFirmware(scene)
  const release = await makeRelease(installation, file, '1.0.0')
  story.tell(`${firmware.name} (${firmware.sizeBytes} bytes): uploaded and submitted by the engineer`)
  story.tell(`approved by two managers, each after hashing the bytes; signed as sequence ${release.sequence}`)
  await startFleet(installation, supervisor, options.devices - 1, options.devices - 2, story)
  const veteran = await Victim.enrol(installation, 'veteran', await claimToken(installation, 'gateway-b', 1))
  supervisor.own(veteran)
  story.tell(`${options.devices} devices made their keys and enrolled`)
  const wish = { release, stages: ['3', '100%'], devicesTotal: options.devices }
  const id = await startRollout(installation, wish)
  story.tell('the fleet manager signed the pace; the canary stage begins')
  const veteranConfirms = veteran.pollUntil(({ state }) => state === 'confirmed', 120)
  const counts = await followRollout(installation, id, options.devices, story)
  await veteranConfirms
  const confirmed = counts.get('confirmed') ?? 0
  const reverted = counts.get('reverted') ?? 0
  story.tell(`${confirmed} confirmed, ${reverted} reverted: that one's new image fails its health gate`)
  if (confirmed !== options.devices - 1 || reverted !== 1)
    throw new Error('not every device is accounted for as expected')
  return { firmware, release, veteran, confirmed, reverted }
}

/** Every attack reaches its step: all steps before it pass, past the server's own check, through a liar or a stolen socket. */
export async function refusals(scene: Scene, veteran: Victim): Promise<RefusalRow[]> {
  const { installation, supervisor, story } = scene
  const claim = await claimToken(installation, 'gateway-b', 5)
  const enrol = async (name: string): Promise<Victim> => {
    const victim = await Victim.enrol(installation, name, claim)
    supervisor.own(victim)
    return victim
  }
  const names = ['payload', 'manifest', 'unsigned', 'class', 'stranger'] as const
  const [payload, manifest, bare, foreign, stranger] = await Promise.all(names.map(enrol))
  if (!payload || !manifest || !bare || !foreign || !stranger) throw new Error('victims are missing')
  const old = veteran.proxy.overheard.findLast((answer) => answer.assignment !== undefined)
  if (old === undefined) throw new Error('the old release was not overheard')
  const release = await makeRelease(installation, imageFile(scene, [1, 1, 0]), '1.1.0')
  const members = [payload, manifest, bare, foreign, veteran].map(({ device }) => device.id)
  const rollout = await startRollout(installation, {
    release,
    stages: ['100%'],
    devicesTotal: members.length,
    // Three refuse before the veteran asks: a rollout that paused for them would hand it nothing.
    gate: '10%',
    failureLimit: '5',
    deviceIds: members,
  })
  const rows: RefusalRow[] = []
  const add = (row: RefusalRow): void => {
    rows.push(row)
    story.refused(row.name, `${row.refusedBy}, step ${row.step}`, row.code)
  }
  add(await provoke(payload, 'tampered payload', 'PAYLOAD_MISMATCH', tamperedPayload))
  add(await provoke(manifest, 'tampered manifest', 'DIGEST_MISMATCH', tamperedManifest))
  add(await provoke(bare, 'unsigned release', 'SIGNATURE_MISSING', unsigned))
  await veteran.pollUntil(({ state, sequence }) => state === 'confirmed' && sequence === release.sequence)
  add(await provoke(veteran, 'replay of the old release', 'ROLLBACK', replayOf(old)))
  const sensor = await Victim.enrol(installation, 'sensor', await claimToken(installation, 'sensor-a', 1), 'sensor-a')
  supervisor.own(sensor)
  const other = await makeRelease(installation, imageFile(scene, [2, 0, 0]), '2.0.0', 'sensor/rev-a/prod')
  const otherRollout = await startRollout(installation, {
    release: other,
    stages: ['100%'],
    devicesTotal: 2,
    deviceIds: [sensor.device.id],
  })
  add(
    await provoke(
      foreign,
      'a release for another class',
      'WRONG_CLASS',
      await wrongClass(installation, otherRollout, other, foreign.device.id),
    ),
  )
  const pending = await requestRelease(installation, imageFile(scene, [1, 1, 1]), '1.1.1')
  await approveRelease(installation, pending, 0)
  for (const row of await provokeReleaseSigner(installation, pending)) add(row)
  const greed = (): Promise<unknown> => stealAssignment(installation, rollout, release, stranger.device.id)
  add(await expectRefusal('one device more than people approved', 'online signer', 'PACE_EXCEEDED', greed))
  return rows
}

/** A release is signed and assigned; then its key is revoked; then a successor takes over. */
export async function compromise(scene: Scene, veteran: Victim, rows: RefusalRow[]): Promise<DemoResult['revocation']> {
  const { installation, supervisor, story, options } = scene
  const late = await Victim.enrol(installation, 'late', await claimToken(installation, 'gateway-b', 1))
  supervisor.own(late)
  const stolen = installation.tokenKeys.find((row) => row.role === 'manifest-a')?.keyId ?? ''
  const release = await makeRelease(installation, imageFile(scene, [1, 2, 0]), '1.2.0')
  await withhold(installation, late, release)
  story.tell(`release 1.2.0 is signed and assigned; its device does not get it yet`)
  const times = await revoke(installation, stolen, veteran, options.devices, story)
  story.tell(`t0 decision, t1 quorum after ${times.quorumMs} ms, t2 signed ${times.signedMs} ms later`)
  story.tell(`t3 published ${times.publishedMs} ms after the quorum`)
  story.tell(
    `t4 ${times.acknowledged} devices acknowledged in signed reports: p50 ${times.p50Ms} ms, p99 ${times.p99Ms} ms`,
  )
  const row = await deliverLate(late)
  rows.push(row)
  story.refused(row.name, `${row.refusedBy}, step ${row.step}`, row.code)
  await replaceManifestKey(installation, stolen)
  story.tell('root 2 drops the key; its successor, listed ahead and in the token since the ceremony, is active')
  const next = await makeRelease(installation, imageFile(scene, [1, 3, 0]), '1.3.0')
  const deviceIds = await fleetIds(installation)
  const wish = { release: next, stages: ['3', '100%'], devicesTotal: deviceIds.length, deviceIds }
  const counts = await followRollout(installation, await startRollout(installation, wish), deviceIds.length, story)
  story.tell(`${counts.get('confirmed') ?? 0} devices confirmed release 1.3.0, signed by the successor`)
  return times
}

/** The devices of the fleet's own process: those that confirmed or reverted the first release and poll by themselves. */
async function fleetIds(installation: Installation): Promise<string[]> {
  const file = readFileSync(installation.folders.path('fleet', 'fleet.log'), 'utf8')
  const ids = file.split('\n').flatMap((line) => {
    const event = line === '' ? null : (JSON.parse(line) as { event?: string; id?: string })
    return event?.event === 'enrolled' && event.id !== undefined ? [event.id] : []
  })
  return [...new Set(ids)]
}
