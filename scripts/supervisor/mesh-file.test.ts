import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type MeshFile, readMeshFile, removeMeshFile, writeMeshFile } from './mesh-file';

const mesh: MeshFile = {
  api_url: 'http://127.0.0.1:8000',
  database_url: 'postgresql://ordermesh:secret@127.0.0.1:55432/ordermesh',
  rabbitmq_url: 'amqp://ordermesh:secret@127.0.0.1:55672',
  management_url: null,
  services: { 'order-api': { pid: 42, health_url: 'http://127.0.0.1:8000' } },
};

test('only the owner can read it, it is replaced whole, and it goes with the mesh', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  const file = path.join(folder, 'mesh.json');
  try {
    writeMeshFile({ ...mesh, services: {} }, file);
    writeMeshFile(mesh, file);
    expect(readMeshFile(file)).toEqual(mesh);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['mesh.json']);
    removeMeshFile(file);
    expect(readMeshFile(file)).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
