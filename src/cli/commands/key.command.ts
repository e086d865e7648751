import { Option, type Command } from 'commander'
import { Refusal } from '../../domain/refusal.js'
import { publicKeyText } from '../ceremony/spec-file.js'
import { ED25519, ESP256 } from '../../domain/cose/algorithms.js'
import { keyIdHexOf, type CoseKey } from '../../domain/cose/cose-key.js'
import { lookUpToken } from '../../token/token-lookup.js'
import { defineCommand, defineGroup, wholeNumber, type CommonOptions } from '../command-shape.js'
import { requireNoFile } from '../local-file.js'
import { createPersonKey, showPersonKey, type PersonKey } from '../person-key.js'
import { findPemKey } from '../public-key-file.js'
import { fingerprintText } from '../quantity-text.js'
import { askForPin, readPassphrase, type World } from '../session.js'
import { createTokenKey } from '../token-key.js'
import { Output } from '../terminal.js'

interface CreateOptions extends CommonOptions {
  readonly person: string
  readonly out: string
  readonly algorithm: 'ed25519' | 'esp256'
  readonly passphraseFile?: string
  readonly token?: string
  readonly label?: string
  readonly slot?: number
  readonly pinFile?: string
}

/** `key`: a person's own key, which nobody else holds. */
export function addKeyCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'key', 'your own signing key')
  defineCommand(
    group,
    'create',
    'make a key in a file that a passphrase protects, or in a PKCS#11 token (--token)',
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
    .option(
      '--token <module>',
      'make it inside a token: the PKCS#11 module, an absolute path; the file then only says where it is',
    )
    .option('--label <label>', 'label of the token')
    .option('--slot <id>', 'slot of the token', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--pin-file <file>', 'take the PIN of the token from the first line of this file')
    .action((options: CreateOptions) => create(world, options))
  defineCommand(
    group,
    'show <file>',
    "print the public part of a key file, or a build system's public key (PEM), as a policy or a root lists it",
    'key show manager-1.key --json',
  ).action((file: string, options: CommonOptions) => show(new Output(world.terminal, options.json === true), file))
}

function show(output: Output, file: string): void {
  const key = findPemKey(file)
  if (key === null) printKey(output, showPersonKey(file))
  else printPublic(output, {}, keyIdHexOf(key), key)
}

async function createInToken(world: World, modulePath: string, options: CreateOptions): Promise<void> {
  if (options.passphraseFile !== undefined)
    throw new Refusal('CONFIGURATION', { name: '--passphrase-file', why: 'a token has a PIN: use --pin-file' })
  const { label, slot: slotId, algorithm } = options
  const choice = { ...(label === undefined ? {} : { label }), ...(slotId === undefined ? {} : { slotId }) }
  const token = lookUpToken(modulePath, choice)
  const readPin = await askForPin(world.terminal, options.pinFile, token.label)
  const place = { module: modulePath, label: token.label, serial: token.serial }
  const alg = algorithm === 'esp256' ? ESP256 : ED25519
  const output = new Output(world.terminal, options.json === true)
  printKey(output, await createTokenKey(options.out, options.person, place, readPin, alg))
  output.line(
    `the key is in the token "${token.label}" and nowhere else; ${options.out} says where, and holds no secret`,
  )
}

async function create(world: World, options: CreateOptions): Promise<void> {
  requireNoFile(options.out)
  if (options.token !== undefined) return createInToken(world, options.token, options)
  for (const [name, value] of Object.entries({ label: options.label, slot: options.slot, 'pin-file': options.pinFile }))
    if (value !== undefined) throw new Refusal('CONFIGURATION', { name: `--${name}`, why: 'goes with --token' })
  const { terminal } = world
  const passphrase = await readPassphrase(terminal, options.passphraseFile, 'new passphrase, at least 8 characters: ')
  if (options.passphraseFile === undefined && (await terminal.askSecret('once more: ')) !== passphrase)
    throw new Refusal('REQUEST_INVALID', { field: 'passphrase', why: 'typed differently the second time' })
  const output = new Output(terminal, options.json === true)
  const kind = options.algorithm === 'esp256' ? 'p256' : 'ed25519'
  printKey(output, createPersonKey(options.out, options.person, passphrase, world.keyFileCost, kind))
  output.line(`written to ${options.out}; keep a copy where only you can reach it`)
}

function printKey(output: Output, { person, keyId, publicKey }: PersonKey): void {
  output.line(`person        ${person}`)
  printPublic(output, { person }, keyId, publicKey)
}

function printPublic(output: Output, owner: { readonly person?: string }, keyId: string, key: CoseKey): void {
  const publicKey = publicKeyText(key)
  output.lines([`key id        ${keyId}`, `public key    ${publicKey}`, `compare       ${fingerprintText(keyId)}`])
  output.result({ ...owner, keyId, publicKey })
}
