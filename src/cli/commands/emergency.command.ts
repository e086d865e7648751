import { Option, type Command } from 'commander'
import { z } from 'zod'
import { toBase64Url } from '../../domain/bytes.js'
import {
  defineCommand,
  sessionOf,
  withKey,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
} from '../command-shape.js'
import { emergencyKrl, signEmergencyKrl } from '../emergency-krl.js'
import { requireRevocableKey } from '../krl-change.js'
import { describeKrl } from '../krl-check.js'
import { createLocalFile, requireNoFile } from '../local-file.js'
import { parseReason, revocationReasons } from '../revocation-reason.js'
import { confirm, openKey, type KeyOptions, type World } from '../session.js'

interface EmergencyOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly reason: number
  readonly out?: string
}

/** `keys emergency`: one person with the emergency key, where the signer or its quorum are the problem. */
export function addEmergency(group: Command, world: World): void {
  withYes(
    withKey(
      defineCommand(
        group,
        'emergency <keyid>',
        'sign a revocation list with an emergency key, which may revoke the key of the signer too, and publish it',
        'keys emergency 4c1f09ab --reason compromise --key emergency.key',
      ),
    ),
  )
    .addOption(
      new Option('--reason <reason>', `one of ${revocationReasons.join(', ')}`)
        .argParser(parseReason)
        .makeOptionMandatory(),
    )
    .option('--out <file>', 'write the signed list to a file and tell the server nothing')
    .action((text: string, options: EmergencyOptions) => emergency(world, text, options))
}

async function emergency(world: World, text: string, options: EmergencyOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { output } = session
  requireNoFile(options.out)
  // Whoever writes to a file may be without a network: then the list follows the one verified last.
  const held = options.out === undefined ? await session.refreshTrust() : session.store.load()
  const { keyId } = requireRevocableKey(held, text, 'emergency-krl')
  const now = world.clock.nowSeconds()
  const krl = emergencyKrl(held, { keyId, reason: options.reason, time: now }, now)
  output.lines(describeKrl(held, krl))
  await confirm(world, options.yes, 'Sign this with the emergency key?')
  const { signer } = await openKey(world, options)
  const bytes = await signEmergencyKrl(held, krl, signer, now)
  if (options.out !== undefined) {
    createLocalFile(options.out, bytes, 0o644)
    output.line(`written to ${options.out}; "countersign trust push --krl ${options.out}" publishes it`)
    output.result({ number: krl.number, file: options.out })
    return
  }
  const answer = await session.api.post(
    '/trust/krls',
    { krl: toBase64Url(bytes) },
    z.looseObject({ number: z.number() }),
  )
  output.line(`revocation list ${answer.number} is published`)
  output.result(answer)
}
