import type { Command } from 'commander'
import { inspectEnvelope } from '../../domain/suit/inspect.js'
import { MAX_INSPECTED_BYTES } from '../../domain/suit/inspect-value.js'
import { defineCommand, defineGroup } from '../command-shape.js'
import { readEnvelopes } from '../envelope-file.js'
import { readLocalFile } from '../local-file.js'
import { readPublicKey } from '../public-key-file.js'
import type { World } from '../session.js'

interface InspectOptions {
  readonly key?: string
}

/** `suit`: look into an envelope, ours or another's. */
export function addSuitCommands(program: Command, world: World): void {
  defineCommand(
    defineGroup(program, 'suit', 'SUIT envelopes'),
    'inspect <file>',
    'print an envelope, always as JSON: contents, whether digests match, and whether signatures verify',
    'suit inspect --key manifest-key.pem release.suit',
  )
    .option(
      '--key <file>',
      'public key: PEM, COSE_Key, or either as hex; raw hex of 32 (Ed25519) or 64/65 bytes (P-256)',
    )
    .addHelpText(
      'after',
      '\nThe file holds CBOR, hex text, or a text with hex blocks; several envelopes are printed as an array.',
    )
    .action((file: string, options: InspectOptions) => {
      const key = options.key === undefined ? null : readPublicKey(options.key)
      const inspected = readEnvelopes(readLocalFile(file, MAX_INSPECTED_BYTES), file).map((bytes) =>
        inspectEnvelope(bytes, key),
      )
      world.terminal.line(JSON.stringify(inspected.length === 1 ? inspected[0] : inspected, null, 2))
    })
}
