import { Option, type Command } from 'commander'
import { RolloutAnswer } from '../api-answers.js'
import { collect, defineCommand, sessionOf, wholeNumber, type CommonOptions } from '../command-shape.js'
import { rolloutBody, type RolloutOptions } from '../rollout-body.js'
import { describeRules } from '../rollout-rules-text.js'
import { describeRollout } from '../rollout-table.js'
import {
  parseDuration,
  parseFailureLimit,
  parseGate,
  parseRate,
  parseShare,
  parseStage,
  parseTime,
  wholeDevices,
} from '../rollout-values.js'
import type { World } from '../session.js'

const MOST_BYTES_PER_SECOND = 1_000_000_000_000

/** `rollout create`: one option for each rule, or a file with the body of the API, or both. */
export function addRolloutCreate(group: Command, world: World): void {
  const command = defineCommand(
    group,
    'create',
    'plan a rollout; nothing moves before its pace is signed and it is started',
    'rollout create --release 3f6c… --stage 3,soak=1h --stage 10% --stage 100% --gate 90% --failure-limit 2 \\\n' +
      '      --devices-per-hour 500 --devices-total 5000 --where \'site in ("berlin", "lyon") and not tag frozen\' \\\n' +
      "      --install-window 'mon-fri 22:00-05:00' --time-zone Europe/Berlin --blackout 2026-12-20..2027-01-06",
  )
    .option('--file <file>', "a JSON file with the fields of the API's POST /rollouts; options stand above it")
    .option('--release <id>', 'a signed release')
    .option('--fallback <id>', 'a signed release to roll forward to when this one fails; "none" for none')
  addReach(command)
  addPace(command)
  addTimes(command)
  command.action((options: RolloutOptions & CommonOptions) => create(world, options))
}

function addReach(command: Command): void {
  command
    .option(
      '--where <filter>',
      'only devices that fit it, also those that fit it later: \'site = "lyon" and not tag frozen\'',
    )
    .option('--class <name>', 'only devices of this class')
    .option('--device <id>', 'only this device; repeat it', collect(String))
    .option(
      '--stage <size>',
      'a stage of 3 devices or 10%, with rules of its own 10%,gate=95%,soak=2h, of devices that fit 10%:FILTER; repeat it',
      collect(parseStage),
    )
    .option('--gate <percent>', 'share of a stage that must be confirmed before the next opens', parseGate)
    .option('--soak <time>', 'the gate has to hold for so long, such as 2h', parseDuration)
    .option(
      '--failure-limit <count|percent>',
      'failures that are borne; one more ends it for now; a count and a percent may both be given',
      parseFailureLimit,
    )
    .addOption(
      new Option('--on-failure <what>', 'what a broken gate does, roll-back needs a fallback').choices([
        'pause',
        'roll-back',
      ]),
    )
    .addOption(
      new Option('--mode <mode>', 'soft: the device may ask a person').choices(['forced', 'soft', 'download-only']),
    )
    .option('--priority <number>', 'of two rollouts that want a device the higher has it; 0 to 99', wholeNumber(0, 99))
    .option('--retries <count>', 'further attempts after a failure, 0 to 10', wholeNumber(0, 10))
    .option('--retry-after <time>', 'time before a further attempt, such as 10m', parseDuration)
}

function addPace(command: Command): void {
  command
    .option('--devices-per-hour <count>', 'pace the online signer holds the rollout to; people sign it', wholeDevices)
    .option('--devices-total <count>', 'devices in all; people sign it', wholeDevices)
    .option('--rate <offers>', 'offers a minute: 60, or growing 10,factor=2,every=100,most=500', parseRate)
    .option('--in-flight <count>', 'devices that are under way at a time', wholeDevices)
    .option('--bytes-per-second <count>', 'over the whole fleet', wholeNumber(1, MOST_BYTES_PER_SECOND))
    .option('--site-budget <devices|percent>', 'devices of one site that are under way at a time', parseShare)
}

function addTimes(command: Command): void {
  command
    .option('--not-before <time>', 'start, such as 2026-03-01T00:00:00Z', parseTime)
    .option('--expires <time>', 'end of the plan, such as 2026-03-31T00:00:00Z', parseTime)
    .option('--time-zone <name>', 'of devices that nobody told where they stand, such as Europe/Berlin')
    .option('--download-window <days and hours>', "such as 'mon-fri 22:00-05:00'; repeat it", collect(String))
    .option('--install-window <days and hours>', "such as 'sat,sun 01:00-04:00'; repeat it", collect(String))
    .option('--blackout <days>', 'nothing happens on these, such as 2026-12-20..2027-01-06; repeat it', collect(String))
    .option('--silence <time>', 'a device with an offer that says nothing for so long has timed out', parseDuration)
    .option('--jitter <time>', 'wake-ups are spread over so long', parseDuration)
}

async function create(world: World, options: RolloutOptions & CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const rollout = await session.api.post('/rollouts', rolloutBody(options), RolloutAnswer)
  session.output.lines(describeRollout(rollout))
  session.output.lines(describeRules(rollout).map((line) => `  ${line}`))
  session.output.line(`next: countersign rollout plan ${rollout.id}`)
  session.output.result(rollout)
}
