import { readFile } from 'node:fs/promises'
import { Command, CommanderError } from 'commander'
import { findHex } from '../src/domain/bytes.js'
import { nativeAlgorithms, strictAlgorithms } from '../src/domain/cose/algorithms.js'
import { Refusal } from '../src/domain/refusal.js'
import { isNamespace } from '../src/domain/trust/fields.js'
import type { DeviceAlgorithm } from './device-key.js'
import { faultNames, type FaultName } from './faults.js'
import type { FleetOptions } from './fleet.js'

export interface FleetRun {
  readonly fleet: Omit<FleetOptions, 'onEvent'>
  /** Whether devices enrol that are not enrolled yet. */
  readonly enrols: boolean
  /** null for devices whose keys are registered. */
  readonly claimToken: string | null
  readonly control: 'stdin' | number | null
  readonly isJson: boolean
}

const refuse = (name: string, why: string): Refusal => new Refusal('CONFIGURATION', { name, why })

/** `unhealthy-boot=3,17`, repeatable, by index of the device from 0. */
export function parseFaults(rows: readonly string[], devices: number): Map<number, FaultName[]> {
  const faults = new Map<number, FaultName[]>()
  for (const row of rows) {
    const [word, list = ''] = row.split('=')
    const name = faultNames.find((known) => known === word)
    if (name === undefined) throw refuse('--fault', `one of ${faultNames.join(', ')}`)
    for (const text of list.split(',')) {
      const index = requireInteger('--fault', text, 0, devices - 1)
      faults.set(index, [...(faults.get(index) ?? []), name])
    }
  }
  return faults
}

interface Given {
  readonly server: string
  readonly namespace: string
  readonly root: string
  readonly classId: string
  readonly vendorId: string
  readonly claimTokenFile?: string
  readonly registered: boolean
  readonly certificates: boolean
  readonly tlsCa?: string
  readonly devices: string
  readonly dir: string
  readonly fault: readonly string[]
  readonly pollMs?: string
  readonly jitterSeconds: string
  readonly control?: string
  readonly strict: boolean
  readonly flush: boolean
  readonly clock: boolean
  readonly algorithm: string
  readonly json: boolean
}

/** @throws Refusal `CONFIGURATION` naming the option, `FILE_UNREADABLE`; CommanderError after it printed its own words. */
export async function readFleetRun(args: readonly string[]): Promise<FleetRun> {
  const given = parseArguments(args)
  if (!URL.canParse(given.server)) throw refuse('--server', 'not a URL')
  if (!isNamespace(given.namespace)) throw refuse('--namespace', 'not product/environment')
  const devices = requireInteger('--devices', given.devices, 1, 100_000)
  return {
    fleet: {
      serverUrl: given.server,
      namespace: given.namespace,
      root1: await requireFile(given.root),
      classId: requireId('--class-id', given.classId),
      vendorId: requireId('--vendor-id', given.vendorId),
      devices,
      dir: given.dir,
      faults: parseFaults(given.fault, devices),
      ...(given.pollMs === undefined ? {} : { pollMs: requireInteger('--poll-ms', given.pollMs, 50, 86_400_000) }),
      jitterSeconds: requireInteger('--jitter-seconds', given.jitterSeconds, 0, 3_600),
      algorithms: given.strict ? strictAlgorithms : nativeAlgorithms,
      isFlushed: given.flush,
      hasClock: given.clock,
      keyAlgorithm: requireAlgorithm(given.algorithm),
      usesCertificates: given.certificates,
      ...(given.tlsCa === undefined ? {} : { tlsCa: Buffer.from(await requireFile(given.tlsCa)).toString('latin1') }),
    },
    enrols: given.registered || given.claimTokenFile !== undefined,
    claimToken: given.claimTokenFile === undefined ? null : await readToken(given.claimTokenFile),
    control: given.control === undefined ? null : requireControl(given.control),
    isJson: given.json,
  }
}

function parseArguments(args: readonly string[]): Given {
  const command = new Command('device-sim')
    .description('Simulated devices: each judges every update itself and reports signed facts')
    .requiredOption('--server <url>', 'where the server answers')
    .requiredOption('--namespace <product/env>', 'the namespace of all devices')
    .requiredOption('--root <file>', 'root 1, as it is inside the firmware')
    .requiredOption('--class-id <hex>', 'class id, 32 hex digits')
    .requiredOption('--vendor-id <hex>', 'vendor id, 32 hex digits')
    .requiredOption('--devices <n>', 'how many')
    .requiredOption('--dir <folder>', 'keys, state and slots; what is there is gone on with')
    .option('--claim-token-file <file>', 'enrols the devices that are not enrolled yet')
    .option('--registered', 'enrols them by their keys, which are registered', false)
    .option('--certificates', 'devices ask for certificates and go by them', false)
    .option('--tls-ca <file>', 'authorities of the certificates of server and broker, PEM')
    .option('--fault <name=indexes>', 'such as unhealthy-boot=3,17; repeatable', collect, [])
    .option('--poll-ms <ms>', 'between two polls of one device, instead of what the server says')
    .option('--jitter-seconds <s>', 'window for wake-ups that name none', '5')
    .option(
      '--control <port|stdin>',
      'takes commands: poll [INDEX], fault NAME INDEX on|off, wipe INDEX, change-key INDEX, status, stop',
    )
    .option('--strict', 'verify with the implementation that devices use, ten times slower', false)
    .option('--algorithm <name>', 'of keys that are made now: ed25519 or esp256', 'ed25519')
    .option('--no-clock', 'devices that know no time but what the server proves to them')
    .option('--no-flush', 'do not wait for the disk; only a real power cut could tell')
    .option('--json', 'one JSON object a line', false)
    .addHelpText(
      'after',
      '\nExample: device-sim --server http://127.0.0.1:8080 --namespace gateway/prod --root root-1.cbor \\\n' +
        '  --class-id … --vendor-id … --claim-token-file claim.token --devices 20 --dir ./devices --json',
    )
    .exitOverride()
  command.parse([...args], { from: 'user' })
  return command.opts<Given>()
}

const collect = (row: string, rows: readonly string[]): readonly string[] => [...rows, row]
export const isHelp = (error: unknown): boolean => error instanceof CommanderError && error.exitCode === 0

function requireInteger(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most) throw refuse(name, `not a number from ${least} to ${most}`)
  return value
}

function requireAlgorithm(text: string): DeviceAlgorithm {
  if (text !== 'ed25519' && text !== 'esp256') throw refuse('--algorithm', 'ed25519 or esp256')
  return text
}

function requireId(name: string, text: string): Uint8Array {
  const bytes = findHex(text)
  if (bytes?.length !== 16) throw refuse(name, 'not 32 hex digits')
  return bytes
}

const requireControl = (text: string): 'stdin' | number =>
  text === 'stdin' ? text : requireInteger('--control', text, 1, 65_535)

const readToken = async (path: string): Promise<string> =>
  Buffer.from(await requireFile(path))
    .toString('utf8')
    .trim()

async function requireFile(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
  }
}
