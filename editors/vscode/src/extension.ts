// Starts `jitlint server` and hands it to VS Code's own client; everything else is the server's.

import * as fs from "fs";
import * as path from "path";
import { commands, Disposable, ExtensionContext, extensions, window, workspace } from "vscode";
import { LanguageClient, LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  context.subscriptions.push(
    commands.registerCommand("jitlint.restart", restart),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("jitlint.command")) void restart();
    }),
    new Disposable(() => void client?.stop()),
  );
  await start();
}

export function deactivate(): Thenable<void> | undefined {
  return client?.stop();
}

async function restart(): Promise<void> {
  await client?.stop();
  await start();
}

async function start(): Promise<void> {
  const [command, ...args] = await serverCommand();
  const server: ServerOptions = { command, args };
  const options: LanguageClientOptions = {
    documentSelector: [{ language: "python" }, { language: "toml", pattern: "**/{pyproject,jitlint}.toml" }],
    initializationOptions: settings(),
    synchronize: {
      configurationSection: "jitlint",
      fileEvents: workspace.createFileSystemWatcher("**/{pyproject,jitlint}.toml"),
    },
  };
  client = new LanguageClient("jitlint", "jitlint", server, options);
  try {
    await client.start();
  } catch (error) {
    const advice = `Install it with: pip install "jitlint[lsp]", or set jitlint.command.`;
    void window.showErrorMessage(`jitlint: cannot start \`${[command, ...args].join(" ")}\`: ${error}. ${advice}`);
  }
}

function settings(): Record<string, unknown> {
  const given = workspace.getConfiguration("jitlint");
  return { confidence: given.get("confidence"), select: given.get("select"), ignore: given.get("ignore") };
}

/** The server of the setting, of the selected Python environment if it has one, or of the search path. */
async function serverCommand(): Promise<string[]> {
  const given = workspace.getConfiguration("jitlint").get<string[]>("command", []);
  if (given.length) return given;
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const python = extensions.getExtension("ms-python.python");
  try {
    const api = python && (python.isActive ? python.exports : await python.activate());
    const interpreter: string | undefined = api?.settings?.getExecutionDetails?.(folder)?.execCommand?.[0];
    if (interpreter) {
      const name = process.platform === "win32" ? "jitlint.exe" : "jitlint";
      const script = path.join(path.dirname(interpreter), name);
      if (fs.existsSync(script)) return [script, "server"];
    }
  } catch {
    // no Python extension, or one that answers otherwise
  }
  return ["jitlint", "server"];
}
