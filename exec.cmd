@rem The scripts of package.json begin with "exec", which shells have and cmd.exe has not.
@%*
