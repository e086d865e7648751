import { Refusal } from '../../src/domain/refusal.js'
import { readArguments } from '../arguments.js'

export interface FleetRunOptions {
  readonly devices: number
  /** Devices that suffer something. */
  readonly faulty: number
  readonly json: string | null
  readonly withSandbox: boolean
}

export const HELP = `npm run fleet -- [options]

Updates many simulated devices over the real server, broker, database and signers, while some of them crash, lose
connections, boot badly, repeat themselves or come and go; then accounts for every single one.

  --devices N         from 10 to 20000 (default 1000)
  --faults P%         share of the devices that suffer something, 0 to 20 % (default 1%)
  --json OUT          write counts, differences and each device's last state
  --without-sandbox   only where none can be made
  --help              this text

The exit code is 1 when a device is missing or its own word differs from what the database holds.

Example: npm run fleet -- --devices 10000 --faults 1% --json fleet.json`

const refuse = (name: string, why: string): Refusal => new Refusal('CONFIGURATION', { name, why })

/** @returns null for --help. @throws Refusal `CONFIGURATION` naming the option. */
export function parseOptions(args: readonly string[]): FleetRunOptions | null {
  const { values } = parse(args)
  if (values.help === true) return null
  const devices = Number(values.devices)
  if (!/^\d+$/.test(values.devices) || devices < 10 || devices > 20_000)
    throw refuse('--devices', 'a whole number from 10 to 20000')
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(values.faults)?.[1] ?? Number.NaN)
  if (!(percent <= 20)) throw refuse('--faults', 'a share from 0% to 20%, such as 1%')
  const faulty = Math.round((devices * percent) / 100)
  return { devices, faulty, json: values.json ?? null, withSandbox: values['without-sandbox'] !== true }
}

const parse = (args: readonly string[]) =>
  readArguments({
    args: [...args],
    options: {
      devices: { type: 'string', default: '1000' },
      faults: { type: 'string', default: '1%' },
      json: { type: 'string' },
      'without-sandbox': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
