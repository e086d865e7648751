import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findFreePorts } from '../../src/embedded/free-port.js'
import { ManagedProcess } from '../../src/embedded/managed-process.js'
import { requireProgram } from '../../src/embedded/system-package.js'

/** Debian's nginx in a folder of its own, before a server and beside the folder of its store, as docs/runbooks/store.md says. */
export class Nginx {
  private constructor(
    private readonly process: ManagedProcess,
    readonly port: number,
  ) {}

  static async start(folder: string, serverPort: number, firmwareFolder: string): Promise<Nginx> {
    mkdirSync(folder, { recursive: true })
    const [port = 0] = await findFreePorts(1)
    const file = join(folder, 'nginx.conf')
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join('\n  ')
    const user = process.getuid?.() === 0 ? 'user root;\n' : ''
    writeFileSync(
      file,
      `${user}daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  sendfile on;
  ${temporary}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${serverPort};
      proxy_set_header Host $host;
    }
    location /firmware-store/ {
      internal;
      alias ${firmwareFolder}/;
    }
    location /bare/ {
      alias ${firmwareFolder}/;
    }
  }
}
`,
    )
    const started = await ManagedProcess.start({
      name: 'nginx',
      command: [requireProgram('nginx', 'nginx-light'), '-c', file, '-p', folder],
      logFile: join(folder, 'nginx.log'),
      isReady: () => answers(port),
    })
    return new Nginx(started, port)
  }

  stop(): Promise<void> {
    return this.process.stop()
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (isOpen: boolean) => () => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.once('connect', settle(true)).once('error', settle(false))
  })
}
