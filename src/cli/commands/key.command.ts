import { Option, type Command } from 'commander'
import { Refusal } from '../../domain/refusal.js'
import { publicKeyText } from '../ceremony/spec-file.js'
import { defineCommand, defineGroup, type CommonOptions } from '../command-shape.js'
import { createPersonKey, showPersonKey, type PersonKey } from '../person-key.js'
import { fingerprintText } from '../quantity-text.js'
import { readPassphrase, type World } from '../session.js'
import { Output } from '../terminal.js'

interface CreateOptions extends CommonOptions {
  readonly person: string
  readonly out: string
  readonly algorithm: 'ed25519' | 'esp256'
  readonly passphraseFile?: string
}

/** `key`: a person's own key, which nobody else holds. */
export function addKeyCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'key', 'your own signing key')
  defineCommand(
    group,
    'create',
    'make a key in a file that a passphrase protects',
    'key create --person manager-1 --out manager-1.key',
  )
    .requiredOption('--person <name>', 'your name in the policy')
    .requiredOption('--out <file>', 'where to write it; never over another file')
    .addOption(
      new Option('--algorithm <name>', 'esp256 where the root allows it (-9)')
        .choices(['ed25519', 'esp256'])
        .default('ed25519'),
    )
    .option('--passphrase-file <file>', 'take the passphrase from the first line of this file')
    .action((options: CreateOptions) => create(world, options))
  defineCommand(
    group,
    'show <file>',
    'print the public part, as a policy or a root lists it',
    'key show manager-1.key --json',
  ).action((file: string, options: CommonOptions) => {
    printKey(new Output(world.terminal, options.json === true), showPersonKey(file))
  })
}

async function create(world: World, options: CreateOptions): Promise<void> {
  const { terminal } = world
  const passphrase = await readPassphrase(terminal, options.passphraseFile, 'new passphrase, at least 8 characters: ')
  if (options.passphraseFile === undefined && (await terminal.askSecret('once more: ')) !== passphrase)
    throw new Refusal('REQUEST_INVALID', { field: 'passphrase', why: 'typed differently the second time' })
  const output = new Output(terminal, options.json === true)
  const kind = options.algorithm === 'esp256' ? 'p256' : 'ed25519'
  printKey(output, createPersonKey(options.out, options.person, passphrase, world.keyFileCost, kind))
  output.line(`written to ${options.out}; keep a copy where only you can reach it`)
}

function printKey(output: Output, key: PersonKey): void {
  const publicKey = publicKeyText(key.publicKey)
  output.lines([
    `person        ${key.person}`,
    `key id        ${key.keyId}`,
    `public key    ${publicKey}`,
    `compare       ${fingerprintText(key.keyId)}`,
  ])
  output.result({ person: key.person, keyId: key.keyId, publicKey })
}
