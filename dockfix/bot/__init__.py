"""The bot: reads repositories on a forge, plans as the command line does, and opens pull requests.

Nothing here is imported by plain ``dockfix``. The seams, from the bottom:

* :mod:`~dockfix.bot.forge` has the values and the one protocol that a forge implements; a module each implements it.
  What GitHub and Forgejo have in common lies in :mod:`~dockfix.bot.hublike`, what all forges have in
  :mod:`~dockfix.bot.lookups`; :mod:`~dockfix.bot.throughgit` holds git objects in place of any of them.
* :mod:`~dockfix.bot.http` is the client that they share: pace, limits, repeats, redirects, and where the token goes.
* :mod:`~dockfix.bot.tree` shows a git tree on a forge as files to the planner, :mod:`~dockfix.bot.findings` plans over
  it.
* :mod:`~dockfix.bot.proposal` makes what could be committed out of plans, :mod:`~dockfix.bot.settlement` brings one
  pull request to the state that a proposal asks for.
* :mod:`~dockfix.bot.campaign` does this for many repositories and keeps what became of them in
  :mod:`~dockfix.bot.state`.
"""
