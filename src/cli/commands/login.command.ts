import type { Command } from 'commander'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { anchorState, sha256Hex } from '../../domain/trust/trust-state.js'
import { describeRoot } from '../ceremony/root-text.js'
import { defineCommand, withYes, type CommonOptions, type ConfirmOptions } from '../command-shape.js'
import { readLocalFile } from '../local-file.js'
import { fingerprintText } from '../quantity-text.js'
import { confirm, readPassphrase, type World } from '../session.js'
import { Output } from '../terminal.js'
import { TrustStore } from '../trust-store.js'

interface LoginOptions extends CommonOptions {
  readonly server: string
  readonly namespace: string
  readonly tokenFile?: string
}
interface InitOptions extends CommonOptions, ConfirmOptions {
  readonly root: string
}

/** `login` and `init`: which server, and which root it is measured by. */
export function addLoginCommands(program: Command, world: World): void {
  defineCommand(
    program,
    'login',
    'remember the server, the namespace and the API token',
    'login --server https://updates.example --namespace gateway/prod --token-file token.txt',
  )
    .requiredOption('--server <url>', 'address of the server')
    .requiredOption('--namespace <product/environment>', 'the namespace to work in')
    .option('--token-file <file>', 'take the API token from the first line of this file')
    .action((options: LoginOptions) => login(world, options))

  withYes(
    defineCommand(program, 'init', 'pin root 1, from which everything else is verified', 'init --root root-1.cbor'),
  )
    .requiredOption('--root <file>', 'root 1, as the first ceremony made it')
    .action((options: InitOptions) => init(world, options))
}

async function login(world: World, options: LoginOptions): Promise<void> {
  const output = new Output(world.terminal, options.json === true)
  const { server, namespace } = options
  const token = await readPassphrase(world.terminal, options.tokenFile, 'API token: ')
  world.home.saveLogin({ server, namespace }, token.trim())
  output.line(`logged in to ${server}, namespace ${namespace}`)
  output.result({ server, namespace })
}

async function init(world: World, options: InitOptions): Promise<void> {
  const output = new Output(world.terminal, options.json === true)
  const { namespace } = world.home.getLogin()
  const bytes = readLocalFile(options.root)
  const fingerprint = sha256Hex(bytes)
  output.lines(describeRoot(anchorState(bytes, nativeAlgorithms).root))
  output.line(`fingerprint   ${fingerprintText(fingerprint)}`)
  output.line('Compare it with the fingerprint that the ceremony wrote down, by another way than this file came.')
  await confirm(world, options.yes, 'Is it the same?')
  const { root } = new TrustStore(world.home).pin(bytes, namespace)
  output.line(`root 1 of ${namespace} is pinned`)
  output.result({
    namespace,
    version: root.version,
    fingerprint,
    keyIds: [...root.keys.values()].map((row) => row.keyId),
  })
}
