import { existsSync } from 'node:fs'
import { Refusal } from '../src/domain/refusal.js'
import { readArguments } from './arguments.js'

export interface DemoOptions {
  readonly firmware: string | null
  readonly devices: number
  readonly json: string | null
  /** Folder for both signers' journals and root 1. */
  readonly journals: string | null
  readonly withSandbox: boolean
}

export const HELP = `npm run demo -- [options]

The whole main job on a real firmware file: ceremony, upload, approvals, signature, staged rollout, confirmed boots;
then every refusal for its named reason; then a key compromise and the way out of it.

  --firmware FILE     your own image (default: an MCUboot image made on the spot)
  --devices N         simulated devices, 10 to 1000 (default 50)
  --json OUT          write the result for machines
  --journals DIR      keep both signers' journals and root 1 there
  --without-sandbox   only where none can be made; said in the result
  --help              this text

Example: npm run demo -- --devices 200 --json out.json`

/** @returns null for --help. @throws Refusal `CONFIGURATION` naming the option, `FILE_UNREADABLE`. */
export function parseOptions(args: readonly string[]): DemoOptions | null {
  const { values } = parse(args)
  if (values.help === true) return null
  const devices = Number(values.devices)
  if (!Number.isInteger(devices) || devices < 10 || devices > 1_000)
    throw new Refusal('CONFIGURATION', { name: '--devices', why: 'a whole number from 10 to 1000' })
  const firmware = values.firmware ?? null
  if (firmware !== null && !existsSync(firmware))
    throw new Refusal('FILE_UNREADABLE', { path: firmware, why: 'no such file' })
  return {
    firmware,
    devices,
    json: values.json ?? null,
    journals: values.journals ?? null,
    withSandbox: values['without-sandbox'] !== true,
  }
}

const parse = (args: readonly string[]) =>
  readArguments({
    args: [...args],
    options: {
      firmware: { type: 'string' },
      devices: { type: 'string', default: '50' },
      json: { type: 'string' },
      journals: { type: 'string' },
      'without-sandbox': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
