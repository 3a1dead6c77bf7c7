import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkout } from '../servers/checkout';

/** What the other commands need to find the running mesh: `.local/mesh.json`. */
export interface MeshFile {
  api_url: string;
  database_url: string;
  rabbitmq_url: string;
  /** With the login in it; null where a given broker has no management API. */
  management_url: string | null;
  /** `health_url` is the origin at which the service answers /healthz and /readyz. */
  services: Record<string, { pid: number; health_url: string }>;
}

// Not inLocal(): reading must not create the folder, which an image may not even allow.
const meshFile = path.join(checkout, '.local', 'mesh.json');

/** The mesh that runs from this checkout; undefined when none does. */
export function readMeshFile(file = meshFile): MeshFile | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as MeshFile) : undefined;
}

/** Atomic, so that a reader never sees half of it; for the owner only, as the passwords are in it. */
export function writeMeshFile(mesh: MeshFile, file = meshFile): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(mesh, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeMeshFile(file = meshFile): void {
  rmSync(file, { force: true });
}
