import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ProcessSupervisor } from '../../src/embedded/process-supervisor.js'
import { Folders } from '../folders.js'
import { install, type Installation } from '../installation.js'
import { makeMcubootImage } from '../mcuboot-image.js'
import { makeRelease } from '../releases.js'
import { followRollout, startRollout } from '../rollouts.js'
import { runToEnd } from '../run-to-end.js'
import { Story } from '../story.js'
import { account, type StoredDevice } from './account.js'
import { HELP, parseOptions, type FleetRunOptions } from './options.js'
import { TroubledFleet } from './trouble.js'

const IMAGE_BYTES = 32_768
const LIMIT_SECONDS = 3_600

async function run(options: FleetRunOptions, supervisor: ProcessSupervisor) {
  const { devices, faulty, withSandbox } = options
  const story = new Story()
  const folders = Folders.temporary()
  supervisor.own({ stop: async () => folders.remove() })
  story.chapter(`${devices} devices, ${faulty} of them in trouble`)
  const installation = await install({ folders, supervisor, story, withSandbox })
  const file = folders.path('keys', 'firmware.bin')
  writeFileSync(file, makeMcubootImage([1, 0, 0], IMAGE_BYTES))
  const release = await makeRelease(installation, file, '1.0.0')
  story.tell(`release 1.0.0 is signed as sequence ${release.sequence}`)
  const fleet = await TroubledFleet.start(installation, supervisor, devices, faulty)
  await untilEnrolled(fleet, devices, story)
  const wish = { release, stages: ['5', '30%', '100%'], devicesTotal: devices, failureLimit: String(faulty + 2) }
  const id = await startRollout(installation, wish)
  const startedMs = performance.now()
  fleet.startFlapping()
  const shown = Object.fromEntries(await followRollout(installation, id, devices, story, LIMIT_SECONDS))
  const rolloutSeconds = Math.round((performance.now() - startedMs) / 100) / 10
  await fleet.stop()
  const { stored, oldReports } = await recount(installation, id)
  const found = account(fleet.words(), stored, withoutZeros(shown), release.sequence)
  const { injected, idle } = fleet
  await supervisor.stopAll()
  const memory = { serverPeakRssMb: supervisor.peakRssMb('server'), peakRssMb: supervisor.peakRssMb() }
  const leftProcesses = supervisor.listLeftovers().length
  const { counts, missing, differences } = found
  story.tell(
    Object.entries(counts)
      .map(([state, count]) => `${count} ${state}`)
      .join(', '),
  )
  story.tell(`${missing.length} missing, ${differences.length} differences; ${oldReports} reports came again`)
  for (const text of [...missing.map((name) => `missing: ${name}`), ...differences].slice(0, 20)) story.tell(text)
  for (const kind of idle) story.tell(`no ${kind} came about`)
  const isTrue = missing.length === 0 && differences.length === 0 && idle.length === 0 && leftProcesses === 0
  const seconds = { seconds: story.seconds, rolloutSeconds }
  return {
    isTrue,
    devices,
    faulty,
    injected,
    idle,
    oldReports,
    counts,
    shown,
    missing,
    differences,
    ...seconds,
    ...memory,
    leftProcesses,
    accounts: found.devices,
  }
}

async function untilEnrolled(fleet: TroubledFleet, devices: number, story: Story): Promise<void> {
  const limitMs = performance.now() + LIMIT_SECONDS * 1_000
  for (let enrolled = fleet.enrolled; enrolled < devices; enrolled = fleet.enrolled) {
    for (const group of fleet.groups) group.requireRunning()
    story.progress(enrolled, devices, 'devices enrolled')
    if (performance.now() > limitMs) throw new Error(`only ${enrolled} of ${devices} devices enrolled`)
    await sleep(500)
  }
  story.tell(`${devices} devices made their keys and enrolled`)
}

const withoutZeros = (counts: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))

/** Every device and its deployment, one by one, past everything that the server adds up. */
async function recount({ folders }: Installation, rolloutId: string) {
  const connectionString = readFileSync(folders.path('server', 'database-url'), 'utf8').trim()
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<StoredDevice>(
      `SELECT d.id, p.state, d.running_sequence::int FROM device d
       LEFT JOIN deployment p ON p.namespace = d.namespace AND p.device_id = d.id AND p.rollout_id = $1`,
      [rolloutId],
    )
    const old = await client.query<{ old: number }>('SELECT sum(old_reports)::int AS old FROM device')
    return { stored: rows, oldReports: old.rows[0]?.old ?? 0 }
  } finally {
    await client.end()
  }
}

process.exit(await runToEnd({ parseOptions, help: HELP, run, isGood: (result) => result.isTrue }))
