from cms_core.cli import main

main()
